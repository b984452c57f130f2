-- Put before every script: what they share.

-- Seconds since the epoch, Redis's clock: the only clock that state is dated with.
local function now()
  local t = redis.call('TIME')
  return tonumber(t[1]) + tonumber(t[2]) / 1e6
end

local function stamp(seconds)
  return string.format('%.6f', seconds)
end

-- Wakes the scheduler. A lost wake-up costs at most its polling interval.
local function wake(key, why)
  redis.call('XADD', key, 'MAXLEN', '~', '1000', '*', 'why', why)
end

local function event(key, kind, data)
  redis.call('XADD', key, 'MAXLEN', '~', '100000', '*', 'kind', kind, 'data', data)
end

local function signal(key, kind)
  redis.call('XADD', key, 'MAXLEN', '~', '1000', '*', 'kind', kind)
end

-- Fencing of the scheduler: only the leader's token may change state.
local function leads(key, token)
  return redis.call('GET', key) == token
end

-- The task when `incarnation` holds it in this attempt, else nil.
local function held(key, task, attempt, incarnation)
  local text = redis.call('HGET', key, task)
  if not text then return nil end
  local record = cjson.decode(text)
  if record.attempt == tonumber(attempt) and record.incarnation == incarnation and record.state == 'running' then
    return record
  end
  return nil
end
