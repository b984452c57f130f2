-- Sets a mark on a worker's record, if the incarnation is the present one.
-- KEYS  1 worker  2 beat  3 wake
-- ARGV  1 incarnation  2 mark (draining|dead|order)  3 value
-- Returns 1, or 0 when another incarnation carries the name.
if redis.call('HGET', KEYS[1], 'incarnation') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
if ARGV[2] == 'dead' then redis.call('DEL', KEYS[2]) end
wake(KEYS[3], ARGV[2] .. ' ' .. ARGV[1])
return 1
