-- The scheduler removes a task, if the task is in the attempt that it believes.
-- KEYS  1 leader  2 tasks
-- ARGV  1 token  2 task id  3 expected attempt
-- Returns 1, 0 when the task differs or is gone, -1 when another scheduler leads.
if not leads(KEYS[1], ARGV[1]) then return -1 end
local text = redis.call('HGET', KEYS[2], ARGV[2])
if not text or cjson.decode(text).attempt ~= tonumber(ARGV[3]) then return 0 end
return redis.call('HDEL', KEYS[2], ARGV[2])
