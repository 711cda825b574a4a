package json

import (
	"unicode/utf16"
	"unicode/utf8"
)

const hexPerUnit = 4 // hexadecimal digits of \uXXXX

// appendText appends what a string says; ok is false when an escape or the UTF-8 is bad, dst is then as long as before.
func appendText(dst []byte, s text) (out []byte, ok bool) {
	if !s.ascii && !utf8.Valid(s.raw) {
		return dst, false
	}
	if !s.escaped {
		return append(dst, s.raw...), true
	}
	start := len(dst)
	raw := s.raw
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			dst = append(dst, raw[i])
			continue
		}
		i++ // scanText made sure of a byte after the backslash
		switch c := raw[i]; c {
		case '"', '\\', '/':
			dst = append(dst, c)
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, n := unit(raw[i+1:])
			if n == 0 {
				return dst[:start], false
			}
			i += n
			dst = utf8.AppendRune(dst, r)
		default:
			return dst[:start], false
		}
	}
	return dst, true
}

// unit reads the digits after \u, and the second half of a surrogate pair when the first is one; half a pair reads as
// U+FFFD. n is the number of bytes read, 0 when they are no digits.
func unit(b []byte) (r rune, n int) {
	first, ok := hex4(b)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(first) {
		return first, hexPerUnit
	}
	const second = hexPerUnit + 2 // where the second unit's digits begin
	if len(b) >= second && b[hexPerUnit] == '\\' && b[hexPerUnit+1] == 'u' {
		if low, ok := hex4(b[second:]); ok {
			if r := utf16.DecodeRune(first, low); r != utf8.RuneError {
				return r, second + hexPerUnit
			}
		}
	}
	return utf8.RuneError, hexPerUnit
}

func hex4(b []byte) (r rune, ok bool) {
	if len(b) < hexPerUnit {
		return 0, false
	}
	for _, c := range b[:hexPerUnit] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
