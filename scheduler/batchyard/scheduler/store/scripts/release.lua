-- A worker hands a task back: a seat goes, a range waits for another worker.
-- KEYS  1 tasks  2 wake
-- ARGV  1 task id  2 attempt  3 incarnation
-- Returns 1, or 0 when the attempt is not the worker's any more.
local record = held(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
if not record then return 0 end
if record.kind == 'seat' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  record.state = 'waiting'
  record.incarnation = ''
  redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(record))
end
wake(KEYS[2], 'released ' .. ARGV[1])
return 1
