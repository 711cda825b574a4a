package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// value is one value of a script: a word, a list in brackets, or fields in braces, the latter with or without a name before them.
type value struct {
	word   string
	quoted bool
	list   []value
	fields []field
	kind   valueKind
}

type field struct {
	name  string
	value value
}

type valueKind uint8

const (
	wordValue valueKind = iota
	listValue
	structValue
)

// reader reads the values of one line.
type reader struct {
	s   string
	pos int
}

func (r *reader) space() {
	for r.pos < len(r.s) && r.s[r.pos] == ' ' {
		r.pos++
	}
}

func (r *reader) peek() byte {
	if r.pos < len(r.s) {
		return r.s[r.pos]
	}
	return 0
}

// word reads up to a space or a sign of the grammar.
func (r *reader) word() string {
	start := r.pos
	for r.pos < len(r.s) && !strings.ContainsRune(" []{}=", rune(r.s[r.pos])) {
		r.pos++
	}
	return r.s[start:r.pos]
}

// fields reads NAME=VALUE pairs up to the end, a closing brace or an arrow.
func (r *reader) fields() ([]field, error) {
	var out []field
	for {
		r.space()
		if r.peek() == 0 || r.peek() == '}' || strings.HasPrefix(r.s[r.pos:], "->") {
			return out, nil
		}
		name := r.word()
		if name == "" {
			return nil, fmt.Errorf("a field's name is missing at %q", r.s[r.pos:])
		}
		if r.peek() != '=' {
			out = append(out, field{name: name, value: value{word: "true"}})
			continue
		}
		r.pos++
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		out = append(out, field{name: name, value: v})
	}
}

func (r *reader) value() (value, error) {
	r.space()
	switch r.peek() {
	case '[':
		r.pos++
		v := value{kind: listValue}
		for {
			r.space()
			if r.peek() == ']' {
				r.pos++
				return v, nil
			}
			if r.peek() == 0 {
				return v, errors.New("a list without an end")
			}
			e, err := r.value()
			if err != nil {
				return v, err
			}
			v.list = append(v.list, e)
		}
	case '"':
		quoted, err := strconv.QuotedPrefix(r.s[r.pos:])
		if err != nil {
			return value{}, err
		}
		r.pos += len(quoted)
		word, err := strconv.Unquote(quoted)
		return value{word: word, quoted: true}, err
	}
	word := r.word()
	if r.peek() != '{' {
		if word == "" {
			return value{}, fmt.Errorf("a value is missing at %q", r.s[r.pos:])
		}
		return value{word: word}, nil
	}
	r.pos++
	fields, err := r.fields()
	if err != nil {
		return value{}, err
	}
	if r.peek() != '}' {
		return value{}, errors.New("braces without an end")
	}
	r.pos++
	return value{kind: structValue, word: word, fields: fields}, nil
}

func (v value) null() bool { return v.kind == wordValue && !v.quoted && v.word == "null" }

// setFields sets fields of a request, or of a part of one, by their names.
func setFields(into reflect.Value, fields []field) error {
	for _, f := range fields {
		target := into.FieldByName(f.name)
		if !target.IsValid() {
			return fmt.Errorf("%s has no field %s", into.Type().Name(), f.name)
		}
		if err := set(target, f.value); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}

func set(target reflect.Value, v value) error {
	switch target.Kind() {
	case reflect.Bool:
		target.SetBool(v.word == "true")
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := number(v.word)
		if err != nil {
			return err
		}
		target.SetInt(n)
	case reflect.Uint16, reflect.Uint32:
		n, err := strconv.ParseUint(v.word, 10, 32)
		if err != nil {
			return err
		}
		target.SetUint(n)
	case reflect.Float64:
		f, err := strconv.ParseFloat(v.word, 64)
		if err != nil {
			return err
		}
		target.SetFloat(f)
	case reflect.String:
		target.SetString(v.word)
	case reflect.Pointer:
		return setPointer(target, v)
	case reflect.Array:
		id, err := hex.DecodeString(v.word)
		if err != nil || len(id) != target.Len() {
			return fmt.Errorf("%q is no id", v.word)
		}
		reflect.Copy(target, reflect.ValueOf(id))
	case reflect.Struct:
		return setFields(target, v.fields)
	case reflect.Slice:
		return setSlice(target, v)
	default:
		return fmt.Errorf("cannot set a %s", target.Kind())
	}
	return nil
}

func setPointer(target reflect.Value, v value) error {
	if v.null() {
		target.SetZero()
		return nil
	}
	target.Set(reflect.New(target.Type().Elem()))
	defaults(target)
	return set(target.Elem(), v)
}

func setSlice(target reflect.Value, v value) error {
	if v.null() {
		target.SetZero()
		return nil
	}
	if target.Type().Elem().Kind() == reflect.Uint8 {
		b, err := bytesOf(v)
		if err != nil {
			return err
		}
		target.SetBytes(b)
		return nil
	}
	if v.kind != listValue {
		return fmt.Errorf("%q is no list", v.word)
	}
	target.Set(reflect.MakeSlice(target.Type(), len(v.list), len(v.list)))
	for i, e := range v.list {
		defaults(target.Index(i).Addr())
		if err := set(target.Index(i), e); err != nil {
			return err
		}
	}
	return nil
}

// defaults sets the defaults kmsg knows for what v points to.
func defaults(v reflect.Value) {
	if d, ok := reflect.TypeAssert[interface{ Default() }](v); ok {
		d.Default()
	}
}

// number is a number, or "now" with a number of milliseconds or a duration added to it.
func number(s string) (int64, error) {
	after, ok := strings.CutPrefix(s, "now")
	if !ok {
		return strconv.ParseInt(s, 10, 64)
	}
	t := time.Now()
	if after != "" {
		d, err := time.ParseDuration(after)
		if err != nil {
			return 0, err
		}
		t = t.Add(d)
	}
	return t.UnixMilli(), nil
}

// bytesOf are the bytes of a word, a batch of records, a subscription or assignment of the consumer protocol, or of a list of those.
func bytesOf(v value) ([]byte, error) {
	switch {
	case v.kind == listValue:
		out := []byte{}
		for _, e := range v.list {
			b, err := bytesOf(e)
			if err != nil {
				return nil, err
			}
			out = append(out, b...)
		}
		return out, nil
	case v.kind == structValue && v.word == "batch":
		return buildBatch(v.fields)
	case v.kind == structValue && v.word == "message":
		return buildMessage(v.fields)
	case v.kind == structValue && v.word == "subscription":
		m := kmsg.NewConsumerMemberMetadata()
		err := setFields(reflect.ValueOf(&m).Elem(), v.fields)
		return m.AppendTo(nil), err
	case v.kind == structValue && v.word == "assignment":
		m := kmsg.NewConsumerMemberAssignment()
		err := setFields(reflect.ValueOf(&m).Elem(), v.fields)
		return m.AppendTo(nil), err
	case v.kind == structValue:
		return nil, fmt.Errorf("%q is no way to write bytes", v.word)
	}
	if hexed, ok := strings.CutPrefix(v.word, "hex:"); ok {
		return hex.DecodeString(hexed)
	}
	return []byte(v.word), nil
}
