-- A worker's range is done: into the ledger, if the attempt is the worker's and no twin was first.
-- KEYS  1 job  2 tasks  3 ledger  4 wake
-- ARGV  1 task id  2 attempt  3 incarnation  4 first batch  5 the entry
-- Returns 1, or 0 when refused. Asking again after a lost answer gives the same answer.
local entry = cjson.decode(ARGV[5])
local stands = redis.call('HGET', KEYS[3], ARGV[4])
if stands and cjson.decode(stands).part == entry.part then return 1 end
local record = held(KEYS[2], ARGV[1], ARGV[2], ARGV[3])
if not record or redis.call('HGET', KEYS[1], 'state') ~= 'running' then return 0 end
redis.call('HDEL', KEYS[2], ARGV[1])
wake(KEYS[4], 'committed ' .. ARGV[1])
if stands then return 0 end
redis.call('HSET', KEYS[3], ARGV[4], ARGV[5])
redis.call('HINCRBY', KEYS[1], 'batches_done', entry.stop - entry.start)
redis.call('HINCRBY', KEYS[1], 'rows_done', entry.rows)
local fresh = entry.seconds / (entry.stop - entry.start)
local old = tonumber(redis.call('HGET', KEYS[1], 'batch_seconds') or '0')
redis.call('HSET', KEYS[1], 'batch_seconds', tostring(old == 0 and fresh or (old + fresh) / 2))
return 1
