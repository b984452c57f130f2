-- A worker's attempt raised.
-- KEYS  1 tasks  2 wake
-- ARGV  1 task id  2 attempt  3 incarnation  4 the failure
-- Returns 1, or 0 when the attempt is not the worker's any more.
local record = held(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
if not record then return 0 end
local failure = cjson.decode(ARGV[4])
record.state = 'waiting'
record.incarnation = ''
record.failures = record.failures + 1
record.last_error = failure.error
record.last_detail = failure.detail
record.failed_batch = -1
if failure.batch ~= cjson.null then record.failed_batch = failure.batch end
record.fatal = not failure.retry
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(record))
wake(KEYS[2], 'failed ' .. ARGV[1])
return 1
