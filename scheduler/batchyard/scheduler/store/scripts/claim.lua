-- A worker takes the task that a message named. Late, doubled and outdated messages end here.
-- KEYS  1 job  2 tasks  3 wake
-- ARGV  1 task id  2 attempt  3 worker  4 incarnation
-- Returns {1, task}, or {0, why not}. Claiming again by the same process gives the same answer.
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return {0, 'no such job'} end
if state ~= 'running' then return {0, 'the job is ' .. state} end
if redis.call('HGET', KEYS[1], 'want') == 'cancel' then return {0, 'the job is being cancelled'} end
local text = redis.call('HGET', KEYS[2], ARGV[1])
if not text then return {0, 'no such task (done or dropped)'} end
local record = cjson.decode(text)
if record.attempt ~= tonumber(ARGV[2]) then return {0, 'attempt ' .. ARGV[2] .. ' is over, now ' .. record.attempt} end
if record.worker ~= ARGV[3] then return {0, 'it was sent to ' .. record.worker} end
if record.state == 'running' then
  if record.incarnation == ARGV[4] then return {1, text} end
  return {0, 'claimed by ' .. record.incarnation}
end
if record.state ~= 'dispatched' then return {0, 'it is ' .. record.state} end
record.state = 'running'
record.incarnation = ARGV[4]
record.claimed_at = now()
record.unheard = 0
text = cjson.encode(record)
redis.call('HSET', KEYS[2], ARGV[1], text)
wake(KEYS[3], 'claimed ' .. ARGV[1])
return {1, text}
