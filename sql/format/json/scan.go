package json

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// depthMax is how deep values may nest, as in Jackson.
const depthMax = 1000

// Bit patterns for looking at eight bytes at once.
const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// blanks gives the place of the first byte at or after p that is no white space; len(b) when there is none.
func blanks(b []byte, p int) int {
	if p < len(b) && b[p] > ' ' {
		return p
	}
	return moreBlanks(b, p)
}

func moreBlanks(b []byte, p int) int {
	for p < len(b) && b[p] <= ' ' && (b[p] == ' ' || b[p] == '\n' || b[p] == '\t' || b[p] == '\r') {
		p++
	}
	return p
}

// text is a string's inside as it stands in the payload.
type text struct {
	raw     []byte
	escaped bool // holds backslashes
	ascii   bool // holds no byte above 127
}

// scanText reads a string whose opening quote is at p-1; end is after its closing quote, -1 when there is none or a control
// character stands bare in it.
func scanText(b []byte, p int) (s text, end int) {
	start := p
	var high uint64
	for {
		for p+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[p:])
			quote, slash := w^(lows*'"'), w^(lows*'\\')
			stop := ((quote - lows) & ^quote) | ((slash - lows) & ^slash) | ((w - lows*' ') & ^w)
			if stop &= highs; stop != 0 {
				n := bits.TrailingZeros64(stop)
				high |= w & (1<<n - 1)
				p += n / 8
				break
			}
			high |= w
			p += 8
		}
		if p >= len(b) {
			return text{}, -1
		}
		switch c := b[p]; {
		case c == '"':
			return text{raw: b[start:p:p], escaped: s.escaped, ascii: high&highs == 0}, p + 1
		case c == '\\':
			s.escaped = true
			p += 2
		case c < ' ':
			return text{}, -1
		default: // fewer than eight bytes are left
			high |= uint64(c)
			p++
		}
	}
}

// skip gives the place after the value at p, -1 when there is none. It checks the structure, not the inside of numbers.
func skip(b []byte, p, depth int) int {
	if p >= len(b) {
		return -1
	}
	switch b[p] {
	case '"':
		return skipText(b, p+1)
	case '{', '[':
		return skipNested(b, p, depth)
	case 't':
		return literal(b, p, "true")
	case 'f':
		return literal(b, p, "false")
	case 'n':
		return literal(b, p, "null")
	}
	end := scanNumber(b, p)
	return end
}

// shortText is how much of a string skipText looks at word by word: bytes.IndexByte pays only for longer ones.
const shortText = 24

// skipText is scanText for nobody: it checks nothing but finds the closing quote.
func skipText(b []byte, p int) int {
	for start := p; p < len(b); {
		for p-start < shortText && p+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[p:])
			quote, slash := w^(lows*'"'), w^(lows*'\\')
			stop := (((quote - lows) & ^quote) | ((slash - lows) & ^slash)) & highs
			if stop != 0 {
				p += bits.TrailingZeros64(stop) / 8
				break
			}
			p += 8
		}
		if p-start >= shortText {
			return skipLongText(b, p)
		}
		if p >= len(b) {
			return -1
		}
		switch b[p] {
		case '"':
			return p + 1
		case '\\':
			p += 2
		default:
			p++
		}
	}
	return -1
}

// skipLongText finds the closing quote from p on, where p may stand behind an escape.
func skipLongText(b []byte, p int) int {
	for p < len(b) {
		n := bytes.IndexByte(b[p:], '"')
		if n < 0 {
			return -1
		}
		slash := bytes.IndexByte(b[p:p+n], '\\')
		if slash < 0 {
			return p + n + 1
		}
		p += slash + 2
	}
	return -1
}

func literal(b []byte, p int, word string) int {
	if end := p + len(word); end <= len(b) && string(b[p:end]) == word {
		return end
	}
	return -1
}

// skipNested steps over an object or array.
func skipNested(b []byte, p, depth int) int {
	if depth >= depthMax {
		return -1
	}
	object := b[p] == '{'
	closing := b[p] + 2 // in ASCII, both closing brackets lie two after their opening ones
	p = blanks(b, p+1)
	if p < len(b) && b[p] == closing {
		return p + 1
	}
	for {
		if object {
			if p >= len(b) || b[p] != '"' {
				return -1
			}
			if p = skipText(b, p+1); p < 0 {
				return -1
			}
			if p = blanks(b, p); p >= len(b) || b[p] != ':' {
				return -1
			}
			p = blanks(b, p+1)
		}
		if p = skip(b, p, depth+1); p < 0 {
			return -1
		}
		if p = blanks(b, p); p >= len(b) {
			return -1
		}
		switch b[p] {
		case closing:
			return p + 1
		case ',':
			p = blanks(b, p+1)
		default:
			return -1
		}
	}
}

// scanNumber reads the number at p as JSON writes it; end is -1 when there is none.
func scanNumber(b []byte, p int) (end int) {
	if p < len(b) && b[p] == '-' {
		p++
	}
	start := p
	p = digits(b, p)
	if p == start || b[start] == '0' && p > start+1 {
		return -1
	}
	if p < len(b) && b[p] == '.' {
		start = p + 1
		if p = digits(b, start); p == start {
			return -1
		}
	}
	if p < len(b) && b[p]|0x20 == 'e' {
		p++
		if p < len(b) && (b[p] == '+' || b[p] == '-') {
			p++
		}
		start = p
		if p = digits(b, p); p == start {
			return -1
		}
	}
	return p
}

func digits(b []byte, p int) int {
	for p < len(b) && b[p]-'0' <= 9 {
		p++
	}
	return p
}

// view is b as a string for the length of a call.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
