-- A checkpoint is safely on disk.
-- KEYS  1 job  2 crew  3 checkpoints  4 events
-- ARGV  1 generation  2 path  3 the checkpoint  4 event data
-- Returns 1, or 0 when the generation is over or the job has ended.
if redis.call('HGET', KEYS[1], 'state') ~= 'running' then return 0 end
if redis.call('HGET', KEYS[2], 'generation') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
event(KEYS[4], 'checkpoint', ARGV[4])
return 1
