-- A crew's decision at an epoch's end: compare-and-set on (generation, epoch). The first one stands for ever.
-- KEYS  1 job  2 crew  3 decisions
-- ARGV  1 generation  2 epoch  3 the decision
-- Returns the decision that stands, or nil when the generation is over or the job has ended.
if redis.call('HGET', KEYS[1], 'state') ~= 'running' then return nil end
if redis.call('HGET', KEYS[2], 'generation') ~= ARGV[1] then return nil end
redis.call('HSETNX', KEYS[3], ARGV[2], ARGV[3])
return redis.call('HGET', KEYS[3], ARGV[2])
