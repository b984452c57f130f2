-- A heartbeat, and its answer.
-- KEYS  1 worker  2 beat
-- ARGV  1 incarnation  2 TTL in milliseconds
-- Returns the order for the worker: '' (go on), 'restart', 'leave', or 'register' when its record is gone.
local incarnation = redis.call('HGET', KEYS[1], 'incarnation')
if not incarnation then return 'register' end
if incarnation ~= ARGV[1] then return 'leave' end
-- Ended by mistake (a long pause, a false alarm): it must come back as a new incarnation.
if redis.call('HGET', KEYS[1], 'dead') ~= '' then return 'restart' end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return redis.call('HGET', KEYS[1], 'order')
