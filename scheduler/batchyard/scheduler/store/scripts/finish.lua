-- A worker's last task (the join) made the job's outcome.
-- KEYS  1 job  2 tasks  3 wake
-- ARGV  1 task id  2 attempt  3 incarnation  4 outcome
-- Returns 1, or 0 when refused. Asking again after a lost answer gives the same answer.
if redis.call('HGET', KEYS[1], 'outcome') == ARGV[4] then return 1 end
if redis.call('HGET', KEYS[1], 'state') ~= 'running' then return 0 end
if not held(KEYS[2], ARGV[1], ARGV[2], ARGV[3]) then return 0 end
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[1], 'outcome', ARGV[4])
wake(KEYS[3], 'finished ' .. ARGV[1])
return 1
