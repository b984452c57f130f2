-- A worker process presents itself. A later incarnation of the same name replaces the earlier one.
-- KEYS  1 workers  2 worker  3 beat  4 wake
-- ARGV  1 name  2 incarnation  3 the record  4 TTL of the heartbeat in milliseconds
local record = cjson.decode(ARGV[3])
record.started_at = now()
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[2], 'document', cjson.encode(record), 'incarnation', ARGV[2], 'draining', '', 'dead', '', 'order', '')
redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[4])
wake(KEYS[4], 'worker ' .. ARGV[1])
return 1
