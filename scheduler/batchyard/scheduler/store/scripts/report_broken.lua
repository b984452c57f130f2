-- A member says that its generation cannot go on. The others learn it from here, not from their sockets.
-- KEYS  1 crew  2 signals  3 wake
-- ARGV  1 generation  2 who and why
-- Returns 1, or 0 when the generation is over anyway.
if redis.call('HGET', KEYS[1], 'generation') ~= ARGV[1] then return 0 end
if redis.call('HGET', KEYS[1], 'broken') == '' then
  redis.call('HSET', KEYS[1], 'broken', ARGV[2], 'broken_at', stamp(now()))
  signal(KEYS[2], 'broken')
  wake(KEYS[3], 'broken')
end
return 1
