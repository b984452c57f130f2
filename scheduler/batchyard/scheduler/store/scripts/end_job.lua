-- A job ends, once. Its tasks go: whoever still computes is refused from here on.
-- KEYS  1 leader  2 job  3 events  4 signals  5 active  6 tasks  7 wake  8 … all keys of the job, for the retention
-- ARGV  1 token  2 job id  3 state  4 event data  5 retention in seconds  then field, value, …
-- Returns 1, 0 when the job has ended already, -1 when another scheduler leads.
if not leads(KEYS[1], ARGV[1]) then return -1 end
local state = redis.call('HGET', KEYS[2], 'state')
if state ~= 'queued' and state ~= 'running' then return 0 end
redis.call('HSET', KEYS[2], 'state', ARGV[3], 'finished_at', stamp(now()), unpack(ARGV, 6))
redis.call('SREM', KEYS[5], ARGV[2])
redis.call('DEL', KEYS[6])
signal(KEYS[4], 'want')
redis.call('EXPIRE', KEYS[4], 3600)
event(KEYS[3], 'ended', ARGV[4])
for i = 8, #KEYS do redis.call('EXPIRE', KEYS[i], ARGV[5]) end
wake(KEYS[7], 'ended ' .. ARGV[2])
return 1
