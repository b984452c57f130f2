-- The scheduler gives a failing batch up: an entry without a part, instead of the task.
-- KEYS  1 leader  2 job  3 tasks  4 ledger  5 events
-- ARGV  1 token  2 task id  3 expected attempt  4 first batch  5 the entry  6 event data
-- Returns 1, 0 when the task differs, -1 when another scheduler leads.
if not leads(KEYS[1], ARGV[1]) then return -1 end
local text = redis.call('HGET', KEYS[3], ARGV[2])
if not text or cjson.decode(text).attempt ~= tonumber(ARGV[3]) then return 0 end
redis.call('HDEL', KEYS[3], ARGV[2])
if redis.call('HSETNX', KEYS[4], ARGV[4], ARGV[5]) == 1 then
  local entry = cjson.decode(ARGV[5])
  redis.call('HINCRBY', KEYS[2], 'batches_done', entry.stop - entry.start)
  event(KEYS[5], 'range', ARGV[6])
end
return 1
