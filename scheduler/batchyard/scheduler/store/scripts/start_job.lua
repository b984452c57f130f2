-- A queued job is admitted.
-- KEYS  1 leader  2 job  3 events
-- ARGV  1 token  2 event data  then field, value, …
-- Returns 1, 0 when the job is not queued, -1 when another scheduler leads.
if not leads(KEYS[1], ARGV[1]) then return -1 end
if redis.call('HGET', KEYS[2], 'state') ~= 'queued' then return 0 end
redis.call('HSET', KEYS[2], 'state', 'running', 'started_at', stamp(now()), unpack(ARGV, 3))
event(KEYS[3], 'started', ARGV[2])
return 1
