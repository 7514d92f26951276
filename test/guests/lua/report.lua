-- A program of some size, as people write them: reads a log file, parses and groups its lines, and writes a report and a JSON file.
-- Uses closures, metatables, coroutines, patterns, string.format, string.pack, table and math functions, io, os, errors.
--
--   lua report.lua FOLDER

local folder = assert(arg[1], "usage: report.lua FOLDER")

-- A class with inheritance -----------------------------------------------------------------------------------------------
local Account = {}
Account.__index = Account
Account.__eq = function(a, b) return a.name == b.name and a.balance == b.balance end
Account.__lt = function(a, b) return a.balance < b.balance end
Account.__tostring = function(self) return string.format("%-8s %10.2f", self.name, self.balance) end
Account.__concat = function(a, b) return tostring(a) .. " | " .. tostring(b) end
Account.__len = function(self) return #self.history end

function Account.new(name, balance)
  return setmetatable({ name = name, balance = balance or 0, history = {} }, Account)
end

function Account:book(amount)
  if self.balance + amount < 0 then
    error({ code = "overdrawn", name = self.name, by = -(self.balance + amount) })
  end
  self.balance = self.balance + amount
  self.history[#self.history + 1] = amount
  return self
end

local Savings = setmetatable({}, { __index = Account })
Savings.__index = Savings
Savings.__tostring = Account.__tostring
Savings.__lt = Account.__lt
Savings.__len = Account.__len

function Savings.new(name, balance, rate)
  local self = Account.new(name, balance)
  self.rate = rate
  return setmetatable(self, Savings)
end

function Savings:interest() return self:book(self.balance * self.rate) end

-- JSON -------------------------------------------------------------------------------------------------------------------
local json = {}
local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t" }

function json.encode(value, indent)
  indent = indent or ""
  local kind = type(value)
  if kind == "nil" or kind == "boolean" then return tostring(value) end
  if kind == "number" then return math.type(value) == "integer" and tostring(value) or string.format("%.14g", value) end
  if kind == "string" then
    return '"' .. value:gsub('[%c"\\]', function(c) return escapes[c] or string.format("\\u%04x", c:byte()) end) .. '"'
  end
  if kind ~= "table" then error("cannot encode a " .. kind) end
  local deeper, parts = indent .. "  ", {}
  if #value > 0 or next(value) == nil then
    for _, item in ipairs(value) do parts[#parts + 1] = deeper .. json.encode(item, deeper) end
    return #parts == 0 and "[]" or "[\n" .. table.concat(parts, ",\n") .. "\n" .. indent .. "]"
  end
  local keys = {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys)
  for _, key in ipairs(keys) do
    parts[#parts + 1] = deeper .. json.encode(key) .. ": " .. json.encode(value[key], deeper)
  end
  return "{\n" .. table.concat(parts, ",\n") .. "\n" .. indent .. "}"
end

function json.decode(text)
  local at = 1
  local function fail(what) error(string.format("json: %s at %d", what, at), 0) end
  local function skip() at = text:find("[^ \n\t\r]", at) or #text + 1 end
  local value
  local function list(close, item)
    at = at + 1
    skip()
    if text:sub(at, at) == close then at = at + 1 return end
    while true do
      item()
      skip()
      local char = text:sub(at, at)
      at = at + 1
      if char == close then return end
      if char ~= "," then fail("expected , or " .. close) end
      skip()
    end
  end
  function value()
    skip()
    local char = text:sub(at, at)
    if char == "{" then
      local result = {}
      list("}", function()
        local key = value()
        skip()
        if text:sub(at, at) ~= ":" then fail("expected :") end
        at = at + 1
        result[key] = value()
      end)
      return result
    elseif char == "[" then
      local result = {}
      list("]", function() result[#result + 1] = value() end)
      return result
    elseif char == '"' then
      local from, out = at + 1, {}
      while true do
        local stop = text:find('["\\]', from) or fail("unfinished string")
        out[#out + 1] = text:sub(from, stop - 1)
        if text:sub(stop, stop) == '"' then at = stop + 1 return table.concat(out) end
        local code = text:sub(stop + 1, stop + 1)
        if code == "u" then
          out[#out + 1] = utf8.char(tonumber(text:sub(stop + 2, stop + 5), 16))
          from = stop + 6
        else
          out[#out + 1] = ({ n = "\n", t = "\t" })[code] or code
          from = stop + 2
        end
      end
    end
    local word = text:match("^[%w%.%+%-]+", at) or fail("expected a value")
    at = at + #word
    if word == "true" or word == "false" then return word == "true" end
    if word == "null" then return nil end
    return tonumber(word) or fail("bad number " .. word)
  end
  return value()
end

-- A pipeline of coroutines -----------------------------------------------------------------------------------------------
local function lines(path)
  return coroutine.wrap(function()
    for line in io.lines(path) do coroutine.yield(line) end
  end)
end

local function filter(source, pattern)
  return coroutine.wrap(function()
    for line in source do
      if line:find(pattern) then coroutine.yield(line) end
    end
  end)
end

-- The work ---------------------------------------------------------------------------------------------------------------
local path = folder .. "/access.log"
local log <close> = assert(io.open(path, "w"))
local seed = 42
local function random(n)
  seed = (seed * 1103515245 + 12345) & 0x7fffffff
  return seed % n + 1
end
local names, actions = { "ada", "grace", "alan", "edsger", "barbara" }, { "deposit", "withdraw", "look" }
for number = 1, 2000 do
  log:write(string.format("%05d %s %s %d.%02d\n", number, names[random(5)], actions[random(3)], random(90), random(99)))
end
log:flush()
print("log", log:seek("end"), log:seek("set"))

local accounts, errors, seen = {}, {}, 0
for line in filter(lines(path), "%s%a+draw%s") do seen = seen + 1 end
print("withdrawals", seen)
for line in lines(path) do
  local number, name, action, amount = line:match("^(%d+) (%l+) (%l+) ([%d.]+)$")
  amount = tonumber(amount)
  accounts[name] = accounts[name] or (name == "ada" and Savings.new(name, 100, 0.03) or Account.new(name, 50))
  local ok, problem = pcall(function()
    if action == "deposit" then accounts[name]:book(amount) end
    if action == "withdraw" then accounts[name]:book(-amount) end
  end)
  if not ok then errors[#errors + 1] = { line = tonumber(number), code = problem.code, by = problem.by } end
end
accounts.ada:interest()

local sorted = {}
for _, account in pairs(accounts) do sorted[#sorted + 1] = account end
table.sort(sorted, function(a, b) return b < a end)
for _, account in ipairs(sorted) do print(account, #account.history, #account) end
print(sorted[1] .. sorted[2], Account.new("x", 1) == Account.new("x", 1), #errors)

local summary = { errors = errors, accounts = {}, text = 'quote " slash \\ tab \t bell \a ü' }
for _, account in ipairs(sorted) do summary.accounts[account.name] = math.floor(account.balance * 100) / 100 end
local file = assert(io.open(folder .. "/summary.json", "w"))
file:write(json.encode(summary), "\n")
file:close()
local again = json.decode(assert(io.open(folder .. "/summary.json")):read("a"))
assert(json.encode(again) == json.encode(summary), "what was written is what is read")
print(select(2, pcall(json.decode, '{"a": [1, 2}')), select(2, pcall(json.encode, { print })))

local packed = string.pack("<i4 z s2 d", -7, "zero", "sized", 1 / 3)
print(#packed, string.unpack("<i4 z s2 d", packed))
print(("%q"):format("new\nline\0"), ("%5.1f|%-5d|%05x|%g|%a"):format(2.25, 42, 255, 1e300, 1))
print(7 // 2, -7 // 2, 7 % -3, 2 ^ 0.5, 1 << 40, ~0, 3 | 4, 5 & 6, 5 ~ 6, math.maxinteger + 1 == math.mininteger)
print(utf8.len("日本語"), utf8.codepoint("ü", 1), table.concat({ utf8.codepoint("aü", 1, -1) }, ","))
print(os.rename(folder .. "/access.log", folder .. "/old.log"), os.remove(folder .. "/old.log"), os.remove(folder .. "/none"))
print(os.time({ year = 2024, month = 2, day = 29, hour = 12 }), os.date("!%Y-%m-%d %H:%M:%S", 951782400), os.getenv("NOWHERE"))
print(xpcall(function() local x = nil; return x.field end, function(message) return "handled: " .. message:match("attempt.*") end))
print(load("return ...", "chunk", "t", {})(1, 2, 3), load("syntax error here"))
