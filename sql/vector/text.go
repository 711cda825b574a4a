package vector

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/freshetdb/freshet/sql/types"
)

// Style chooses between the two dialects' text of values. The zero Style is Postgres' with UTC.
type Style struct {
	Zone *time.Location // of timestamps; nil: UTC
	Ksql bool           // ksqlDB: ISO timestamps, base64 bytes, Java's collections
}

// AppendText appends the text of row i as Postgres' output functions write it. A null appends nothing: callers ask IsNull first.
func AppendText(dst []byte, v *Vector, i int, style Style) []byte {
	i = v.Row(i)
	switch v.Type.ID {
	case types.Boolean:
		return appendBool(dst, v.I[i] != 0, style.Ksql)
	case types.SmallInt, types.Int, types.BigInt:
		return strconv.AppendInt(dst, v.I[i], 10)
	case types.Real:
		return AppendFloat(dst, v.F[i], 32)
	case types.Double:
		if style.Ksql {
			return appendJavaDouble(dst, v.F[i])
		}
		return AppendFloat(dst, v.F[i], 64)
	case types.Decimal:
		return AppendDecimal(dst, v.D[i], v.ScaleAt(i))
	case types.String, types.Unknown:
		return append(dst, v.Bytes(i)...)
	case types.Bytes:
		if style.Ksql {
			return base64.StdEncoding.AppendEncode(dst, v.Bytes(i))
		}
		return hex.AppendEncode(append(dst, `\x`...), v.Bytes(i))
	case types.Timestamp:
		if style.Ksql {
			return AppendISOTimestamp(dst, v.I[i])
		}
		return AppendTimestamp(dst, v.I[i], style.Zone)
	case types.Date:
		return AppendDate(dst, v.I[i])
	case types.Time:
		return AppendTime(dst, v.I[i])
	case types.Interval:
		return AppendInterval(dst, v.D[i])
	}
	return appendNested(dst, v, i, style)
}

// appendBool is t or f in Postgres, true or false in ksqlDB.
func appendBool(dst []byte, b, long bool) []byte {
	switch {
	case long && b:
		return append(dst, "true"...)
	case long:
		return append(dst, "false"...)
	case b:
		return append(dst, 't')
	}
	return append(dst, 'f')
}

// Shortest-digits output switches to an exponent from these powers of ten on. Source: float.c, extra_float_digits > 0.
const (
	plainLimit64 = 1e15
	plainLimit32 = 1e6
	plainLow     = 1e-4
)

// AppendFloat appends a float with the fewest digits that read back the same, in Postgres' form. bits is 32 or 64.
func AppendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case f == 0:
		if math.Signbit(f) {
			return append(dst, "-0"...)
		}
		return append(dst, '0')
	}
	limit := plainLimit64
	if bits == 32 {
		limit = plainLimit32
	}
	if a := math.Abs(f); a < limit && a >= plainLow {
		return strconv.AppendFloat(dst, f, 'f', -1, bits)
	}
	return strconv.AppendFloat(dst, f, 'e', -1, bits)
}

// Java prints doubles plainly in [1e-3, 1e7).
const (
	javaLow  = 1e-3
	javaHigh = 1e7
)

// appendJavaDouble appends a double as Double.toString: always with a fraction, "1.0E10" for large ones.
func appendJavaDouble(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return AppendFloat(dst, f, 64)
	}
	if a := math.Abs(f); a == 0 || a >= javaLow && a < javaHigh {
		start := len(dst)
		dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
		if slices.Contains(dst[start:], '.') {
			return dst
		}
		return append(dst, ".0"...)
	}
	var buf [32]byte
	s := strconv.AppendFloat(buf[:0], f, 'e', -1, 64)
	e := len(s) - 1
	for s[e] != 'e' {
		e--
	}
	dst = append(dst, s[:e]...)
	if e == 1 || e == 2 && s[0] == '-' {
		dst = append(dst, ".0"...)
	}
	exponent, _ := strconv.Atoi(string(s[e+1:]))
	return strconv.AppendInt(append(dst, 'E'), int64(exponent), 10)
}

// appendNested writes arrays as '{1,2}' and maps and structs as JSON-like text; ksqlDB's as Java's toString.
func appendNested(dst []byte, v *Vector, i int, style Style) []byte {
	if style.Ksql {
		return appendJavaNested(dst, v, i, style)
	}
	if v.Type.ID == types.Array {
		dst = append(dst, '{')
		for k := v.Offs[i]; k < v.Offs[i+1]; k++ {
			if k > v.Offs[i] {
				dst = append(dst, ',')
			}
			dst = appendElement(dst, v.Kids[0], int(k), style)
		}
		return append(dst, '}')
	}
	return AppendJSON(dst, v, i)
}

// appendElement writes one array element, quoted where the array's own syntax would swallow it.
func appendElement(dst []byte, v *Vector, i int, style Style) []byte {
	if v.IsNull(i) {
		return append(dst, "NULL"...)
	}
	start := len(dst)
	dst = AppendText(dst, v, i, style)
	if v.Type.ID == types.Array || !needsQuotes(dst[start:]) {
		return dst
	}
	raw := string(dst[start:])
	dst = append(dst[:start], '"')
	for k := 0; k < len(raw); k++ {
		if raw[k] == '"' || raw[k] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, raw[k])
	}
	return append(dst, '"')
}

func needsQuotes(b []byte) bool {
	if len(b) == 0 || len(b) == 4 && (b[0]|0x20) == 'n' && (b[1]|0x20) == 'u' && (b[2]|0x20) == 'l' && (b[3]|0x20) == 'l' {
		return true
	}
	for _, c := range b {
		switch c {
		case '{', '}', ',', '"', '\\', ' ', '\t', '\n', '\r', '\v', '\f':
			return true
		}
	}
	return false
}

// appendJavaNested writes [1, 2], {k=v} and Struct{F=v}.
func appendJavaNested(dst []byte, v *Vector, i int, style Style) []byte {
	item := func(dst []byte, kid *Vector, at int) []byte {
		if kid.IsNull(at) {
			return append(dst, "null"...)
		}
		return AppendText(dst, kid, at, style)
	}
	switch v.Type.ID {
	case types.Array:
		dst = append(dst, '[')
		for k := v.Offs[i]; k < v.Offs[i+1]; k++ {
			if k > v.Offs[i] {
				dst = append(dst, ", "...)
			}
			dst = item(dst, v.Kids[0], int(k))
		}
		return append(dst, ']')
	case types.Map:
		dst = append(dst, '{')
		for k := v.Offs[i]; k < v.Offs[i+1]; k++ {
			if k > v.Offs[i] {
				dst = append(dst, ", "...)
			}
			dst = append(item(dst, v.Kids[0], int(k)), '=')
			dst = item(dst, v.Kids[1], int(k))
		}
		return append(dst, '}')
	}
	dst = append(dst, "Struct{"...)
	first := true
	for f, kid := range v.Kids {
		if kid.IsNull(i) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(append(dst, v.Type.Fields[f].Name...), '=')
		dst = AppendText(dst, kid, i, style)
	}
	return append(dst, '}')
}

// AppendJSON appends row i as JSON: numbers as numbers, times as text, null as null. Not for formats: those know their own rules.
func AppendJSON(dst []byte, v *Vector, i int) []byte {
	if v.IsNull(i) {
		return append(dst, "null"...)
	}
	i = v.Row(i)
	switch v.Type.ID {
	case types.Boolean:
		return appendBool(dst, v.I[i] != 0, true)
	case types.SmallInt, types.Int, types.BigInt, types.Decimal:
		return AppendText(dst, v, i, Style{})
	case types.Real, types.Double:
		if math.IsNaN(v.F[i]) || math.IsInf(v.F[i], 0) {
			return append(AppendFloat(append(dst, '"'), v.F[i], 64), '"')
		}
		return AppendText(dst, v, i, Style{})
	case types.Array:
		dst = append(dst, '[')
		for k := v.Offs[i]; k < v.Offs[i+1]; k++ {
			if k > v.Offs[i] {
				dst = append(dst, ", "...)
			}
			dst = AppendJSON(dst, v.Kids[0], int(k))
		}
		return append(dst, ']')
	case types.Map:
		dst = append(dst, '{')
		for k := v.Offs[i]; k < v.Offs[i+1]; k++ {
			if k > v.Offs[i] {
				dst = append(dst, ", "...)
			}
			dst = appendQuoted(dst, AppendText(nil, v.Kids[0], int(k), Style{}))
			dst = AppendJSON(append(dst, ": "...), v.Kids[1], int(k))
		}
		return append(dst, '}')
	case types.Struct:
		dst = append(dst, '{')
		for f, kid := range v.Kids {
			if f > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendQuoted(dst, []byte(v.Type.Fields[f].Name))
			dst = AppendJSON(append(dst, ": "...), kid, i)
		}
		return append(dst, '}')
	}
	return appendQuoted(dst, AppendText(nil, v, i, Style{}))
}

const hexDigits = "0123456789abcdef"

// appendQuoted appends a JSON string.
func appendQuoted(dst, s []byte) []byte {
	dst = append(dst, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
