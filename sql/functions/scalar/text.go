package scalar

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// maxText bounds the text one call may make: what one row of a chunk may reasonably hold.
const maxText = 64 << 20

// texts is functions of whole texts.
func texts() []*functions.Function {
	return []*functions.Function{
		{
			Name: "||", Category: "operators", Help: "Concatenation of texts (anything beside a text is printed), or of arrays.",
			Examples: examples("'a' || 'b'", "ab", "'n = ' || 42", "n = 42"), Overloads: concatenations(),
		},
		{Name: "+", Category: "operators", Help: "", Overloads: []*functions.Overload{in(functions.KsqlDB, overload(concatTexts, tText, tText, tText))}},
		{
			Name: "concat", Category: "string", Help: "Arguments printed one after the other; nulls are passed over.",
			Examples: examples("concat('a', NULL, 1, true)", "a1t"), Overloads: []*functions.Overload{seesNulls(variadic(overload(rows(concat), tText, tAny)))},
		},
		{
			Name: "concat_ws", Category: "string", Help: "Arguments after the first, printed with the first between them; nulls are passed over, a null separator gives null.",
			Examples: examples("concat_ws(', ', 'a', NULL, 2)", "a, 2"), Overloads: []*functions.Overload{seesNulls(variadic(overload(rows(concatWith), tText, tText, tAny)))},
		},
		{Name: "length", Category: "string", Help: "Number of characters of a text, of bytes of a byte string.", Examples: examples("length('jösé')", "4"), Overloads: lengths()},
		{Name: "len", Category: "string", Help: "Number of characters of a text, of bytes of a byte string.", Examples: examples("len('abc')", "3"), Overloads: lengths()},
		{Name: "char_length", Category: "string", Help: "Number of characters of a text.", Examples: examples("char_length('abc')", "3"), Overloads: lengths()[:1]},
		{Name: "octet_length", Category: "string", Help: "Number of bytes.", Examples: examples("octet_length('jösé')", "6"), Overloads: []*functions.Overload{
			overload(byteLength, tInt, tText), overload(byteLength, tInt, tBytes),
		}},
		{Name: "lower", Category: "string", Help: "Text in lower case.", Examples: examples("lower('FRÉSHET')", "fréshet"), Overloads: mapped(lowerASCII, unicode.ToLower)},
		{Name: "lcase", Category: "string", Help: "Text in lower case.", Examples: examples("lcase('ABC')", "abc"), Overloads: mapped(lowerASCII, unicode.ToLower)},
		{Name: "upper", Category: "string", Help: "Text in upper case.", Examples: examples("upper('fréshet')", "FRÉSHET"), Overloads: mapped(upperASCII, unicode.ToUpper)},
		{Name: "ucase", Category: "string", Help: "Text in upper case.", Examples: examples("ucase('abc')", "ABC"), Overloads: mapped(upperASCII, unicode.ToUpper)},
		{Name: "initcap", Category: "string", Help: "Each word with a capital, the rest small.", Examples: examples("initcap('hi THOMAS')", "Hi Thomas"), Overloads: []*functions.Overload{overload(rows(initcap), tText, tText)}},
		{Name: "reverse", Category: "string", Help: "Characters in reverse order.", Examples: examples("reverse('añb')", "bña"), Overloads: []*functions.Overload{overload(rows(reverse), tText, tText)}},
		{Name: "repeat", Category: "string", Help: "Text n times over.", Examples: examples("repeat('Pg', 4)", "PgPgPgPg"), Overloads: []*functions.Overload{overload(rows(repeat), tText, tText, tInt)}},
		{Name: "lpad", Category: "string", Help: "Text filled up on the left, or cut, to n characters.", Examples: examples("lpad('hi', 5, 'xy')", "xyxhi", "lpad('hi', 4)", "  hi"), Overloads: pads(true)},
		{Name: "rpad", Category: "string", Help: "Text filled up on the right, or cut, to n characters.", Examples: examples("rpad('hi', 5, 'xy')", "hixyx"), Overloads: pads(false)},
		{Name: "trim", Category: "string", Help: "Text without blanks, or the given characters, at both ends.", Examples: examples("trim('  a ')", "a", "trim('yxTomxx', 'xyz')", "Tom"), Overloads: trims(true, true)},
		{Name: "btrim", Category: "string", Help: "Text without blanks, or the given characters, at both ends.", Examples: examples("btrim('xyxtrimyyx', 'xyz')", "trim"), Overloads: trims(true, true)},
		{Name: "ltrim", Category: "string", Help: "Text without blanks, or the given characters, at the start.", Examples: examples("ltrim('zzzytest', 'xyz')", "test"), Overloads: trims(true, false)},
		{Name: "rtrim", Category: "string", Help: "Text without blanks, or the given characters, at the end.", Examples: examples("rtrim('testxxzx', 'xyz')", "test"), Overloads: trims(false, true)},
	}
}

func variadic(o *functions.Overload) *functions.Overload {
	o.Variadic = true
	return o
}

func seesNulls(o *functions.Overload) *functions.Overload {
	o.Nulls = functions.SeesNulls
	return o
}

func concatenations() []*functions.Overload {
	mixed := rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		at := len(out.Buf)
		out.Buf = vector.AppendText(out.Buf, args[0], i, vector.Style{})
		out.Buf = vector.AppendText(out.Buf, args[1], i, vector.Style{})
		out.MarkText(i, at)
		return nil
	})
	arrays := overload(concatArrays, tArray, tArray, tArray)
	arrays.ReturnType = func(args []types.Type) (types.Type, error) {
		if !args[0].Equal(args[1]) {
			return types.Type{}, sqlerr.Newf(sqlerr.DatatypeMismatch, 0, "cannot concatenate %s and %s", args[0], args[1])
		}
		return args[0], nil
	}
	return []*functions.Overload{
		overload(concatTexts, tText, tText, tText), overload(mixed, tText, tText, tAny), overload(mixed, tText, tAny, tText),
		overload(concatTexts, tBytes, tBytes, tBytes), arrays,
	}
}

// concatTexts is the hot form of ||.
func concatTexts(_ *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
	return each(n, sel, func(i int) error {
		at := len(out.Buf)
		out.Buf = append(append(out.Buf, args[0].Bytes(i)...), args[1].Bytes(i)...)
		out.MarkText(i, at)
		return nil
	})
}

func concatArrays(_ *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
	return appendRows(n, sel, out, func(i int) error {
		for _, a := range args {
			r := a.Row(i)
			for k := a.Offs[r]; k < a.Offs[r+1]; k++ {
				out.Kids[0].AppendFrom(a.Kids[0], int(k))
			}
		}
		out.EndList()
		return nil
	})
}

// appendRows fills a vector whose rows can only be appended: rows that are null already, or not selected, become null.
func appendRows(n int, sel []uint16, out *vector.Vector, f func(i int) error) error {
	out.Truncate()
	k := 0
	for i := range n {
		if sel != nil {
			if k >= len(sel) || int(sel[k]) != i {
				out.AppendNull()
				continue
			}
			k++
		}
		if err := f(i); err != nil {
			return err
		}
	}
	return nil
}

func concat(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	at := len(out.Buf)
	for _, a := range args {
		if !a.IsNull(i) {
			out.Buf = vector.AppendText(out.Buf, a, i, vector.Style{})
		}
	}
	out.MarkText(i, at)
	return nil
}

func concatWith(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	if args[0].IsNull(i) {
		out.SetNull(i)
		return nil
	}
	at, some := len(out.Buf), false
	for _, a := range args[1:] {
		if a.IsNull(i) {
			continue
		}
		if some {
			out.Buf = append(out.Buf, text(args, 0, i)...)
		}
		some = true
		out.Buf = vector.AppendText(out.Buf, a, i, vector.Style{})
	}
	out.MarkText(i, at)
	return nil
}

func lengths() []*functions.Overload {
	return []*functions.Overload{overload(rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		out.I[i] = int64(utf8.RuneCount(text(args, 0, i)))
		return nil
	}), tInt, tText), overload(byteLength, tInt, tBytes)}
}

func byteLength(_ *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
	return each(n, sel, func(i int) error {
		out.I[i] = int64(args[0].S[args[0].Row(i)].Len)
		return nil
	})
}

// letters of ASCII, and the bit that is their case.
const (
	alphabet = 26
	caseBit  = 'a' - 'A'
)

// lowerASCII lowers buf from a place on up to the first byte that is not ASCII, and tells how many bytes that was.
func lowerASCII(buf []byte, from int) ([]byte, int) {
	part := buf[from:]
	for k, c := range part {
		if c >= utf8.RuneSelf {
			return buf, k
		}
		if c-'A' < alphabet {
			c |= caseBit
		}
		part[k] = c
	}
	return buf, len(part)
}

// upperASCII is lowerASCII for capitals.
func upperASCII(buf []byte, from int) ([]byte, int) {
	part := buf[from:]
	for k, c := range part {
		if c >= utf8.RuneSelf {
			return buf, k
		}
		if c-'a' < alphabet {
			c &^= caseBit
		}
		part[k] = c
	}
	return buf, len(part)
}

// mapped changes a text character by character, what is ASCII without decoding.
func mapped(ascii func([]byte, int) ([]byte, int), other func(rune) rune) []*functions.Overload {
	return []*functions.Overload{overload(rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		at, s := len(out.Buf), text(args, 0, i)
		var plain int
		if out.Buf, plain = ascii(append(out.Buf, s...), at); plain == len(s) {
			out.MarkText(i, at)
			return nil
		}
		out.Buf = out.Buf[:at+plain]
		for k := plain; k < len(s); {
			r, size := utf8.DecodeRune(s[k:])
			out.Buf = utf8.AppendRune(out.Buf, other(r))
			k += size
		}
		out.MarkText(i, at)
		return nil
	}), tText, tText)}
}

func initcap(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	at, inWord := len(out.Buf), false
	for s := text(args, 0, i); len(s) > 0; {
		r, size := utf8.DecodeRune(s)
		s = s[size:]
		word := unicode.IsLetter(r) || unicode.IsDigit(r)
		switch {
		case word && !inWord:
			r = unicode.ToUpper(r)
		case word:
			r = unicode.ToLower(r)
		}
		inWord = word
		out.Buf = utf8.AppendRune(out.Buf, r)
	}
	out.MarkText(i, at)
	return nil
}

func reverse(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	at := len(out.Buf)
	for s := text(args, 0, i); len(s) > 0; {
		_, size := utf8.DecodeLastRune(s)
		out.Buf = append(out.Buf, s[len(s)-size:]...)
		s = s[:len(s)-size]
	}
	out.MarkText(i, at)
	return nil
}

func tooLong() *sqlerr.Error {
	return sqlerr.Newf(sqlerr.ProgramLimitExceeded, 0, "requested length too large")
}

// roomFor tells whether a result may grow by n bytes: references into a vector's buffer are 32 bits wide.
func roomFor(out *vector.Vector, n int64) bool { return n <= maxText && int64(len(out.Buf))+n < 1<<31 }

func repeat(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	s, n := text(args, 0, i), max(0, integer(args, 1, i))
	if len(s) > 0 && n > maxText || !roomFor(out, n*int64(len(s))) {
		return tooLong()
	}
	at := len(out.Buf)
	if len(s) > 0 {
		for range n {
			out.Buf = append(out.Buf, s...)
		}
	}
	out.MarkText(i, at)
	return nil
}

func pads(left bool) []*functions.Overload {
	k := rows(func(ctx *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		s, n := text(args, 0, i), integer(args, 1, i)
		fill := []byte(" ")
		if len(args) == 3 {
			fill = text(args, 2, i)
		}
		if ctx.Dialect == functions.KsqlDB && (n < 0 || len(fill) == 0) {
			out.SetNull(i)
			return nil
		}
		n = max(n, 0)
		have := int64(utf8.RuneCount(s))
		if !roomFor(out, n*utf8.UTFMax) {
			return tooLong()
		}
		at := len(out.Buf)
		switch {
		case have >= n:
			out.Buf = append(out.Buf, s[:runeOffset(s, int(n))]...)
		case left:
			out.Buf = append(appendFill(out.Buf, fill, n-have), s...)
		default:
			out.Buf = appendFill(append(out.Buf, s...), fill, n-have)
		}
		out.MarkText(i, at)
		return nil
	})
	return []*functions.Overload{overload(k, tText, tText, tInt), overload(k, tText, tText, tInt, tText)}
}

// appendFill appends n characters of fill, over and over.
func appendFill(dst, fill []byte, n int64) []byte {
	if len(fill) == 0 {
		return dst
	}
	for rest := fill; n > 0; n-- {
		if len(rest) == 0 {
			rest = fill
		}
		_, size := utf8.DecodeRune(rest)
		dst = append(dst, rest[:size]...)
		rest = rest[size:]
	}
	return dst
}

// runeOffset is the byte at which character n of s begins, or its end.
func runeOffset(s []byte, n int) int {
	at := 0
	for ; n > 0 && at < len(s); n-- {
		if s[at] < utf8.RuneSelf {
			at++
			continue
		}
		_, size := utf8.DecodeRune(s[at:])
		at += size
	}
	return at
}

func trims(left, right bool) []*functions.Overload {
	k := rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		s, set := text(args, 0, i), " "
		if len(args) == 2 {
			set = string(text(args, 1, i))
		}
		if left {
			s = bytes.TrimLeft(s, set)
		}
		if right {
			s = bytes.TrimRight(s, set)
		}
		out.SetBytes(i, s)
		return nil
	})
	return []*functions.Overload{overload(k, tText, tText), overload(k, tText, tText, tText)}
}
