-- A worker's record goes, with what Celery kept for it.
-- KEYS  1 workers  2 worker  3 beat  4 wake  5 Celery's queue  6 Celery's bindings of the exchange
-- ARGV  1 name  2 incarnation  3 binding
-- Returns 1, or 0 when another incarnation carries the name.
if redis.call('HGET', KEYS[2], 'incarnation') ~= ARGV[2] then return 0 end
redis.call('SREM', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2], KEYS[3], KEYS[5])
redis.call('SREM', KEYS[6], ARGV[3])
wake(KEYS[4], 'gone ' .. ARGV[1])
return 1
