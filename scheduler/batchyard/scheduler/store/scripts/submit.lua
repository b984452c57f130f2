-- Submits a job, once.
-- KEYS  1 job  2 jobs  3 active  4 events  5 wake
-- ARGV  1 job id, then field, value, … of the record
-- Returns 1, or 0 when a job of this id exists already (a retried submission).
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local at = now()
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('HSET', KEYS[1], 'submitted_at', stamp(at))
redis.call('ZADD', KEYS[2], stamp(at), ARGV[1])
redis.call('SADD', KEYS[3], ARGV[1])
event(KEYS[4], 'submitted', '{}')
wake(KEYS[5], 'submitted ' .. ARGV[1])
return 1
