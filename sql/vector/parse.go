package vector

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/freshetdb/freshet/sql/types"
)

// The ways a text can fail to be a value. ParseText wraps them; who knows about SQLSTATEs maps ErrSyntax to 22P02 (22007 for
// times) and ErrRange to 22003 (22008 for times).
var (
	ErrSyntax = errors.New("invalid input syntax")
	ErrRange  = errors.New("value out of range")
)

// maxDepth bounds the nesting of arrays in text.
const maxDepth = 6

func parseFloatBytes(b []byte) (float64, error) { return strconv.ParseFloat(string(b), 64) }

// ParseText reads a value as Postgres' input functions do: surrounding blanks are ignored but for texts. zone is that of timestamps
// without one (nil: UTC). Errors: ErrSyntax, ErrRange.
func ParseText(t types.Type, s string, zone *time.Location) (Datum, error) {
	return parseText(t, s, zone, 0)
}

func parseText(t types.Type, s string, zone *time.Location, depth int) (Datum, error) {
	d := Datum{Type: t}
	var ok bool
	switch t.ID {
	case types.String, types.Unknown:
		d.S = s
		return d, nil
	case types.Boolean:
		b, ok := ParseBool(s)
		if b {
			d.I = 1
		}
		return d, syntax(ok)
	case types.SmallInt, types.Int, types.BigInt:
		n, err := ParseInt(s, t.ID)
		d.I = n
		return d, err
	case types.Real, types.Double:
		f, err := ParseFloat(s, t.ID)
		d.F = f
		return d, err
	case types.Decimal:
		return parseDecimalDatum(t, s)
	case types.Bytes:
		b, ok := ParseBytea(s)
		d.S = string(b)
		return d, syntax(ok)
	case types.Timestamp:
		d.I, ok = ParseTimestamp(s, zone)
	case types.Date:
		d.I, ok = ParseDate(s)
	case types.Time:
		d.I, ok = ParseTime(s)
	case types.Interval:
		d.D, ok = ParseInterval(s)
	case types.Array:
		return parseArray(t, s, zone, depth)
	}
	return d, syntax(ok)
}

func syntax(ok bool) error {
	if ok {
		return nil
	}
	return ErrSyntax
}

// ParseBool reads Postgres' booleans: any unambiguous prefix of true, false, yes, no, on, off, and 1, 0.
func ParseBool(s string) (value, ok bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	if s == "" {
		return false, false
	}
	switch {
	case s == "1" || s == "on" || strings.HasPrefix("true", s) || strings.HasPrefix("yes", s):
		return true, true
	case s == "0" || len(s) > 1 && strings.HasPrefix("off", s) || strings.HasPrefix("false", s) || strings.HasPrefix("no", s):
		return false, true
	}
	return false, false
}

// IntLimits is the range of a whole number type.
func IntLimits(id types.ID) (low, high int64) {
	switch id {
	case types.SmallInt:
		return math.MinInt16, math.MaxInt16
	case types.Int:
		return math.MinInt32, math.MaxInt32
	}
	return math.MinInt64, math.MaxInt64
}

// ParseInt reads a whole number of a type.
func ParseInt(s string, id types.ID) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil {
		if errors.Is(err, strconv.ErrRange) {
			return 0, ErrRange
		}
		return 0, ErrSyntax
	}
	if low, high := IntLimits(id); n < low || n > high {
		return 0, ErrRange
	}
	return n, nil
}

// ParseFloat reads REAL or DOUBLE, with NaN and Infinity; no hexadecimal, no underscores.
func ParseFloat(s string, id types.ID) (float64, error) {
	s = strings.TrimSpace(s)
	if strings.ContainsAny(s, "xXpP_") {
		return 0, ErrSyntax
	}
	bits := 64
	if id == types.Real {
		bits = 32
	}
	f, err := strconv.ParseFloat(s, bits)
	if err != nil {
		if errors.Is(err, strconv.ErrRange) {
			return 0, ErrRange
		}
		return 0, ErrSyntax
	}
	return f, nil
}

func parseDecimalDatum(t types.Type, s string) (Datum, error) {
	d := Datum{Type: t}
	x, scale, ok, fits := ParseDecimal(strings.TrimSpace(s))
	if !ok {
		return d, ErrSyntax
	}
	if !fits {
		return d, ErrRange
	}
	if t.Precision > 0 {
		if x, ok = x.Rescale(scale, t.Scale); !ok || !x.FitsPrecision(t.Precision) {
			return d, ErrRange
		}
		scale = t.Scale
	}
	d.D, d.Scale = x, scale
	return d, nil
}

// ParseBytea reads '\x00ff' or the escape form ('\\' and octal).
func ParseBytea(s string) ([]byte, bool) {
	if h, ok := strings.CutPrefix(s, `\x`); ok {
		b, err := hex.DecodeString(h)
		return b, err == nil
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			out = append(out, s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '\\' {
			out = append(out, '\\')
			i++
			continue
		}
		if i+3 >= len(s) {
			return nil, false
		}
		n, err := strconv.ParseUint(s[i+1:i+4], 8, 8)
		if err != nil {
			return nil, false
		}
		out = append(out, byte(n))
		i += 3
	}
	return out, true
}

// ParseBase64 reads ksqlDB's text of BYTES.
func ParseBase64(s string) ([]byte, bool) {
	b, err := base64.StdEncoding.DecodeString(s)
	return b, err == nil
}

// parseArray reads '{1,NULL,"a b"}'. Source: Postgres, "Array Input and Output Syntax".
func parseArray(t types.Type, s string, zone *time.Location, depth int) (Datum, error) {
	d := Datum{Type: t}
	s = strings.TrimSpace(s)
	if depth > maxDepth || t.Elem == nil || len(s) < 2 || s[0] != '{' || s[len(s)-1] != '}' {
		return d, ErrSyntax
	}
	p := arrayScanner{s: s[1 : len(s)-1]}
	if strings.TrimSpace(p.s) == "" {
		return d, nil
	}
	for {
		text, quoted, ok := p.item()
		if !ok {
			return d, ErrSyntax
		}
		if !quoted && strings.EqualFold(text, "null") {
			d.Kids = append(d.Kids, NullOf(*t.Elem))
		} else {
			kid, err := parseText(*t.Elem, text, zone, depth+1)
			if err != nil {
				return d, err
			}
			d.Kids = append(d.Kids, kid)
		}
		if p.at >= len(p.s) {
			return d, nil
		}
		if p.s[p.at] != ',' {
			return d, ErrSyntax
		}
		p.at++
	}
}

// arrayScanner cuts an array's inside into items.
type arrayScanner struct {
	s  string
	at int
}

func (p *arrayScanner) blanks() {
	for p.at < len(p.s) && (p.s[p.at] == ' ' || p.s[p.at] == '\t' || p.s[p.at] == '\n') {
		p.at++
	}
}

func (p *arrayScanner) item() (text string, quoted, ok bool) {
	p.blanks()
	if p.at < len(p.s) && p.s[p.at] == '"' {
		return p.quotedItem()
	}
	start, depth := p.at, 0
	inQuotes := false
	for ; p.at < len(p.s); p.at++ {
		switch c := p.s[p.at]; {
		case c == '\\':
			p.at++
		case c == '"':
			inQuotes = !inQuotes
		case inQuotes:
		case c == '{':
			depth++
		case c == '}':
			depth--
		case c == ',' && depth == 0:
			text = strings.TrimSpace(p.s[start:p.at])
			return text, false, text != ""
		}
		if depth < 0 {
			return "", false, false
		}
	}
	p.at = min(p.at, len(p.s))
	text = strings.TrimSpace(p.s[start:])
	return text, false, text != "" && depth == 0 && !inQuotes
}

func (p *arrayScanner) quotedItem() (text string, quoted, ok bool) {
	var b strings.Builder
	for p.at++; p.at < len(p.s); p.at++ {
		switch c := p.s[p.at]; c {
		case '\\':
			if p.at++; p.at >= len(p.s) {
				return "", true, false
			}
			b.WriteByte(p.s[p.at])
		case '"':
			p.at++
			p.blanks()
			return b.String(), true, true
		default:
			b.WriteByte(c)
		}
	}
	return "", true, false
}
