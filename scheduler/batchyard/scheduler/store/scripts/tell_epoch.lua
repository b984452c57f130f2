-- A finished epoch goes on the job's stream, once, whoever tells of it and however often.
-- KEYS  1 job  2 events
-- ARGV  1 epoch  2 event data
-- Returns 1, or 0 when it was told already or the job is forgotten.
local state, told = unpack(redis.call('HMGET', KEYS[1], 'state', 'epochs_told'))
if not state or tonumber(told or '0') > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'epochs_told', ARGV[1] + 1)
event(KEYS[2], 'epoch', ARGV[2])
return 1
