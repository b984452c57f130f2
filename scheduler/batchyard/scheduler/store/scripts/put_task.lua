-- The scheduler writes a task, if the task is as it believes.
-- KEYS  1 leader  2 job  3 tasks
-- ARGV  1 token  2 task id  3 expected attempt (-1: no such task)  4 expected state ('' for none)  5 the task
--       6 stamp to set to now ('' for none)  then field, value, … of the job to change with it
-- Returns 1, 0 when task or job differ, -1 when another scheduler leads.
if not leads(KEYS[1], ARGV[1]) then return -1 end
if redis.call('HGET', KEYS[2], 'state') ~= 'running' then return 0 end
local text = redis.call('HGET', KEYS[3], ARGV[2])
if ARGV[3] == '-1' then
  if text then return 0 end
else
  if not text then return 0 end
  local record = cjson.decode(text)
  if record.attempt ~= tonumber(ARGV[3]) or record.state ~= ARGV[4] then return 0 end
end
local fresh = cjson.decode(ARGV[5])
if ARGV[6] ~= '' then fresh[ARGV[6]] = now() end
redis.call('HSET', KEYS[3], ARGV[2], cjson.encode(fresh))
if #ARGV > 6 then redis.call('HSET', KEYS[2], unpack(ARGV, 7)) end
return 1
