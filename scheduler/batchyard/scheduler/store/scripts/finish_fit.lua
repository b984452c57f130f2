-- The crew's leader wrote the final model: the job's outcome, if its generation stands.
-- KEYS  1 job  2 crew  3 wake
-- ARGV  1 generation  2 outcome
-- Returns 1, or 0 when refused. Asking again after a lost answer gives the same answer.
local stands = redis.call('HGET', KEYS[1], 'outcome')
if stands == ARGV[2] then return 1 end
if stands and stands ~= '{}' then return 0 end
if redis.call('HGET', KEYS[1], 'state') ~= 'running' then return 0 end
if redis.call('HGET', KEYS[2], 'generation') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'outcome', ARGV[2])
wake(KEYS[3], 'fit finished')
return 1
