-- Gives the leadership up, so that a standby need not wait for the lease's end.
-- KEYS  1 leader  2 wake
-- ARGV  1 token
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
wake(KEYS[2], 'leader resigned')
return 1
