package scalar

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// jsons is reading members of JSON texts: ksqlDB's EXTRACTJSONFIELD, and Postgres' arrows over text (or its alias jsonb).
func jsons() []*functions.Function {
	arrow := func(name, help string, asText bool, sql, result string) *functions.Function {
		return &functions.Function{Name: name, Category: "json", Help: help, Examples: examples(sql, result), Overloads: []*functions.Overload{
			overload(jsonMember(asText), tText, tText, tText), overload(jsonElement(asText), tText, tText, tInt),
		}}
	}
	path := overload(rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		steps, err := jsonPath(string(text(args, 1, i)))
		if err != nil {
			return err
		}
		return emitJSON(text(args, 0, i), steps, true, out, i)
	}), tText, tText, tText)
	path.Specialise = func(consts []*vector.Vector, _ []types.Type) (functions.Kernel, error) {
		if consts[1] == nil {
			return nil, nil
		}
		steps, err := jsonPath(string(text(consts, 1, 0)))
		if err != nil {
			return nil, err
		}
		return rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			return emitJSON(text(args, 0, i), steps, true, out, i)
		}), nil
	}
	members := variadic(overload(rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		steps := make([]jsonStep, 0, len(args)-1)
		for k := 1; k < len(args); k++ {
			steps = append(steps, anyStep(string(text(args, k, i))))
		}
		return emitJSON(text(args, 0, i), steps, true, out, i)
	}), tText, tText, tText))
	return []*functions.Function{
		{
			Name: "extractjsonfield", Category: "json", Help: "Member of a JSON text by a path such as $.a.b[0]['c'], as text; null when it is not there or the text is not JSON.",
			Examples: examples(`extractjsonfield('{"a": {"b": [1, "x"]}}', '$.a.b[1]')`, "x", `extractjsonfield('{"a": {"b": [1, 2]}}', '$.a')`, `{"b":[1,2]}`), Overloads: []*functions.Overload{path},
		},
		{Name: "json_extract_path_text", Category: "json", Help: "Member of a JSON text by keys and indexes, as text.", Examples: examples(`json_extract_path_text('{"a": {"b": 7}}', 'a', 'b')`, "7"), Overloads: []*functions.Overload{members}},
		arrow("->>", "Member of a JSON text by key, or by index from 0, as text; null when it is not there.", true, `'{"a": "x"}' ->> 'a'`, "x"),
		arrow("->", "Member of a JSON text by key, or by index from 0, as JSON.", false, `'[{"a": "x"}]' -> 0`, `{"a":"x"}`),
	}
}

// jsonStep is a key unless array or any say otherwise.
type jsonStep struct {
	key   string
	index int  // from 0; below 0 from the end
	array bool // an index only
	any   bool // a key or an index
}

// anyStep is a key that is an index too when it is a number.
func anyStep(s string) jsonStep {
	if n, err := strconv.Atoi(s); err == nil {
		return jsonStep{key: s, index: n, any: true}
	}
	return jsonStep{key: s}
}

func badPath(path string) *sqlerr.Error {
	return sqlerr.Newf(sqlerr.InvalidParameterValue, 0, "invalid JSON path %q", path).WithHint("write $.member[0]['other member']")
}

// jsonPath cuts "$.a.b[0]['c']" into steps.
func jsonPath(path string) ([]jsonStep, *sqlerr.Error) {
	s, ok := strings.CutPrefix(path, "$")
	if !ok {
		return nil, badPath(path)
	}
	var steps []jsonStep
	for s != "" {
		if s[0] == '.' {
			end := strings.IndexAny(s[1:], ".[")
			if end < 0 {
				end = len(s) - 1
			}
			if end == 0 {
				return nil, badPath(path)
			}
			steps, s = append(steps, jsonStep{key: s[1 : 1+end]}), s[1+end:]
			continue
		}
		end := strings.IndexByte(s, ']')
		if s[0] != '[' || end < 2 {
			return nil, badPath(path)
		}
		inner := s[1:end]
		if q := inner[0]; q == '\'' || q == '"' {
			if len(inner) < 2 || inner[len(inner)-1] != q {
				return nil, badPath(path)
			}
			steps = append(steps, jsonStep{key: inner[1 : len(inner)-1]})
		} else {
			n, err := strconv.Atoi(inner)
			if err != nil || n < 0 {
				return nil, badPath(path)
			}
			steps = append(steps, jsonStep{index: n, array: true})
		}
		s = s[end+1:]
	}
	return steps, nil
}

func jsonMember(asText bool) functions.Kernel {
	return rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		return emitJSON(text(args, 0, i), []jsonStep{{key: string(text(args, 1, i))}}, asText, out, i)
	})
}

func jsonElement(asText bool) functions.Kernel {
	return rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		return emitJSON(text(args, 0, i), []jsonStep{{index: int(integer(args, 1, i)), array: true}}, asText, out, i)
	})
}

// emitJSON sets row i to the member of doc that steps lead to; null when there is none or doc is not JSON up to it.
func emitJSON(doc []byte, steps []jsonStep, asText bool, out *vector.Vector, i int) *sqlerr.Error {
	value, ok := findJSON(doc, steps)
	if !ok || asText && string(value) == "null" {
		out.SetNull(i)
		return nil
	}
	at := len(out.Buf)
	if asText && value[0] == '"' {
		out.Buf = appendUnescaped(out.Buf, value[1:len(value)-1])
	} else {
		out.Buf = appendCompact(out.Buf, value)
	}
	out.MarkText(i, at)
	return nil
}

func findJSON(doc []byte, steps []jsonStep) (value []byte, ok bool) {
	p := jsonScanner{s: doc}
	p.blanks()
	for _, step := range steps {
		switch c := p.peek(); {
		case c == '{' && !step.array:
			if !p.enterObject(step.key) {
				return nil, false
			}
		case c == '[' && (step.array || step.any):
			if !p.enterArray(step.index) {
				return nil, false
			}
		default:
			return nil, false
		}
	}
	start := p.at
	if !p.skip(0) {
		return nil, false
	}
	return p.s[start:p.at], true
}

// maxJSONDepth bounds nesting, as Jackson does.
const maxJSONDepth = 1000

// jsonScanner reads JSON without building anything. Methods that return false leave it anywhere.
type jsonScanner struct {
	s  []byte
	at int
}

func (p *jsonScanner) peek() byte {
	if p.at < len(p.s) {
		return p.s[p.at]
	}
	return 0
}

func (p *jsonScanner) blanks() {
	for p.at < len(p.s) && (p.s[p.at] == ' ' || p.s[p.at] == '\n' || p.s[p.at] == '\t' || p.s[p.at] == '\r') {
		p.at++
	}
}

func (p *jsonScanner) accept(c byte) bool {
	p.blanks()
	if p.peek() != c || p.at >= len(p.s) {
		return false
	}
	p.at++
	return true
}

// enterObject moves to the value of a key of the object it stands on.
func (p *jsonScanner) enterObject(key string) bool {
	p.at++
	for {
		p.blanks()
		start := p.at
		if !p.text() {
			return false
		}
		name := p.s[start+1 : p.at-1]
		if !p.accept(':') {
			return false
		}
		p.blanks()
		if string(name) == key || bytes.IndexByte(name, '\\') >= 0 && string(appendUnescaped(nil, name)) == key {
			return true
		}
		if !p.skip(0) || !p.accept(',') {
			return false
		}
	}
}

// enterArray moves to an element of the array it stands on.
func (p *jsonScanner) enterArray(index int) bool {
	if index < 0 {
		count, probe := 0, *p
		for probe.at++; probe.skip(0); count++ {
			if !probe.accept(',') {
				count++
				break
			}
		}
		if index += count; index < 0 {
			return false
		}
	}
	p.at++
	for p.blanks(); index > 0; index-- {
		if !p.skip(0) || !p.accept(',') {
			return false
		}
		p.blanks()
	}
	return p.peek() != ']'
}

// text skips a string.
func (p *jsonScanner) text() bool {
	if p.peek() != '"' {
		return false
	}
	for p.at++; p.at < len(p.s); p.at++ {
		switch p.s[p.at] {
		case '\\':
			p.at++
		case '"':
			p.at++
			return true
		}
	}
	return false
}

// skip passes over one value.
func (p *jsonScanner) skip(depth int) bool {
	p.blanks()
	switch c := p.peek(); c {
	case '"':
		return p.text()
	case '{', '[':
		return depth < maxJSONDepth && p.skipInside(c == '{', depth+1)
	}
	start := p.at
	for p.at < len(p.s) && strings.IndexByte("+-.", p.s[p.at]) >= 0 || p.at < len(p.s) && (p.s[p.at] >= '0' && p.s[p.at] <= '9' || p.s[p.at] >= 'a' && p.s[p.at] <= 'z' || p.s[p.at] == 'E') {
		p.at++
	}
	word := string(p.s[start:p.at])
	if word == "true" || word == "false" || word == "null" {
		return true
	}
	_, err := strconv.ParseFloat(word, 64)
	return word != "" && (err == nil || strings.Trim(word, "0123456789+-.eE") == "") && word[0] != '+' && (word[0] < 'a')
}

func (p *jsonScanner) skipInside(object bool, depth int) bool {
	p.at++
	end := byte(']')
	if object {
		end = '}'
	}
	if p.accept(end) {
		return true
	}
	for {
		p.blanks()
		if object && (!p.text() || !p.accept(':')) {
			return false
		}
		if !p.skip(depth) {
			return false
		}
		if p.accept(end) {
			return true
		}
		if !p.accept(',') {
			return false
		}
	}
}

// appendCompact appends JSON without the blanks outside its texts.
func appendCompact(dst, s []byte) []byte {
	inText := false
	for k := 0; k < len(s); k++ {
		c := s[k]
		switch {
		case inText && c == '\\' && k+1 < len(s):
			dst = append(dst, c)
			k++
			c = s[k]
		case c == '"':
			inText = !inText
		case !inText && (c == ' ' || c == '\n' || c == '\t' || c == '\r'):
			continue
		}
		dst = append(dst, c)
	}
	return dst
}

// appendUnescaped appends the inside of a JSON string as text.
func appendUnescaped(dst, s []byte) []byte {
	for k := 0; k < len(s); k++ {
		if s[k] != '\\' || k+1 >= len(s) {
			dst = append(dst, s[k])
			continue
		}
		k++
		switch s[k] {
		case 'n':
			dst = append(dst, '\n')
		case 't':
			dst = append(dst, '\t')
		case 'r':
			dst = append(dst, '\r')
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'u':
			r, size := unicodeEscape(s[k-1:])
			dst = utf8.AppendRune(dst, r)
			k += size - 2
		default:
			dst = append(dst, s[k])
		}
	}
	return dst
}

// escapeSize is the length of \uXXXX.
const escapeSize = 6

// unicodeEscape reads \uXXXX, or two of them that make one character, at the start of s.
func unicodeEscape(s []byte) (r rune, size int) {
	unit := func(s []byte) (rune, bool) {
		if len(s) < escapeSize || s[0] != '\\' || s[1] != 'u' {
			return utf8.RuneError, false
		}
		n, err := strconv.ParseUint(string(s[2:escapeSize]), 16, 16)
		return rune(n), err == nil
	}
	r, ok := unit(s)
	if !ok {
		return utf8.RuneError, 2
	}
	if utf16.IsSurrogate(r) {
		if low, ok := unit(s[escapeSize:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 2 * escapeSize
			}
		}
		r = utf8.RuneError
	}
	return r, escapeSize
}
