package scalar

import (
	"bytes"
	"unicode/utf8"

	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// pieces is functions that find, cut out and replace parts of texts.
func pieces() []*functions.Function {
	textArray := types.ArrayOf(tText)
	at := []*functions.Overload{overload(rows(position), tInt, tText, tText)}
	return []*functions.Function{
		{
			Name: "substring", Category: "string", Help: "Part of a text from a 1-based position on, of n characters if given. In the ksqldb dialect negative positions count from the end.",
			Examples: examples("substring('Thomas', 2, 3)", "hom", "substring('Thomas', 3)", "omas"), Overloads: substrings(),
		},
		{
			Name: "substr", Category: "string", Help: "Part of a text from a 1-based position on, of n characters if given.",
			Examples: examples("substr('alphabet', 3, 2)", "ph"), Overloads: substrings(),
		},
		{
			Name: "left", Category: "string", Help: "First n characters; all but the last -n when negative.", Examples: examples("left('abcde', 2)", "ab", "left('abcde', -2)", "abc"),
			Overloads: []*functions.Overload{overload(rows(leftPart), tText, tText, tInt)},
		},
		{
			Name: "right", Category: "string", Help: "Last n characters; all but the first -n when negative.", Examples: examples("right('abcde', 2)", "de", "right('abcde', -2)", "cde"),
			Overloads: []*functions.Overload{overload(rows(rightPart), tText, tText, tInt)},
		},
		{Name: "strpos", Category: "string", Help: "1-based position of the second text in the first; 0 if it is not there.", Examples: examples("strpos('high', 'ig')", "2"), Overloads: at},
		{Name: "instr", Category: "string", Help: "1-based position of the second text in the first; 0 if it is not there.", Examples: examples("instr('high', 'h')", "1"), Overloads: []*functions.Overload{overload(rows(position), tInt, tText, tText)}},
		{
			Name: "position", Category: "string", Help: "1-based position of the second text in the first; 0 if it is not there. Also written position(b IN a).",
			Examples: examples("position('high', 'ig')", "2"), Overloads: []*functions.Overload{overload(rows(position), tInt, tText, tText)},
		},
		{
			Name: "overlay", Category: "string", Help: "Text with n characters (default: as many as the second has) from a 1-based position on replaced by the second text.",
			Examples: examples("overlay('Txxxxas', 'hom', 2, 4)", "Thomas"), Overloads: []*functions.Overload{
				overload(rows(overlay), tText, tText, tText, tInt), overload(rows(overlay), tText, tText, tText, tInt, tInt),
			},
		},
		{
			Name: "translate", Category: "string", Help: "Text with each character of the second argument replaced by the one at its place in the third, or dropped.",
			Examples: examples("translate('12345', '143', 'ax')", "a2x5"), Overloads: []*functions.Overload{overload(rows(translate), tText, tText, tText, tText)},
		},
		{
			Name: "replace", Category: "string", Help: "Text with every occurrence of the second argument replaced by the third.", Examples: examples("replace('abcabc', 'b', 'XX')", "aXXcaXXc"),
			Overloads: []*functions.Overload{overload(rows(replace), tText, tText, tText, tText)},
		},
		{
			Name: "split_part", Category: "string", Help: "Piece n, from 1, of a text cut at a delimiter; negative n count from the end; empty when there is none.",
			Examples: examples("split_part('a,b,c', ',', 2)", "b", "split_part('a,b,c', ',', -1)", "c"), Overloads: []*functions.Overload{overload(rows(splitPart), tText, tText, tText, tInt)},
		},
		{
			Name: "split", Category: "string", Help: "Array of the pieces of a text cut at a delimiter; an empty delimiter cuts between characters.", Examples: examples("split('a,b,,c', ',')", `{a,b,"",c}`),
			Overloads: []*functions.Overload{overload(split, textArray, tText, tText)},
		},
		{
			Name: "string_to_array", Category: "string", Help: "Array of the pieces of a text cut at a delimiter.", Examples: examples("string_to_array('x y z', ' ')", "{x,y,z}"),
			Overloads: []*functions.Overload{overload(split, textArray, tText, tText)},
		},
		{
			Name: "starts_with", Category: "string", Help: "Whether a text begins with another.", Examples: examples("starts_with('alphabet', 'alph')", "t"),
			Overloads: []*functions.Overload{overload(rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
				out.I[i] = truth(bytes.HasPrefix(text(args, 0, i), text(args, 1, i)))
				return nil
			}), tBool, tText, tText)},
		},
	}
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func substrings() []*functions.Overload {
	var out []*functions.Overload
	for _, d := range []functions.Dialect{functions.Postgres, functions.KsqlDB} {
		k := rows(substring)
		if d == functions.KsqlDB {
			k = rows(ksqlSubstring)
		}
		out = append(out, in(d, overload(k, tText, tText, tInt)), in(d, overload(k, tText, tText, tInt, tInt)))
	}
	return out
}

// substring counts characters before the text too: substring('abc', -1, 3) is 'a'. Source: Postgres, text_substring.
func substring(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	s, from := text(args, 0, i), integer(args, 1, i)
	to := int64(len(s)) + 1 // at least one past the last character
	if len(args) == 3 {
		n := integer(args, 2, i)
		if n < 0 {
			return sqlerr.Newf(sqlerr.SubstringError, 0, "negative substring length not allowed")
		}
		to = from + n
	}
	from = max(from, 1)
	if to <= from {
		out.SetBytes(i, nil)
		return nil
	}
	start := runeOffset(s, int(from-1))
	end := start + runeOffset(s[start:], int(min(to-from, int64(len(s)))))
	out.SetBytes(i, s[start:end])
	return nil
}

// ksqlSubstring clamps; position 0 is 1, negative ones count from the end.
func ksqlSubstring(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	s, from := text(args, 0, i), integer(args, 1, i)
	count := int64(utf8.RuneCount(s))
	switch {
	case from < 0:
		from = max(count+from, 0)
	case from > 0:
		from = min(from-1, count)
	}
	n := count - from
	if len(args) == 3 {
		n = min(max(integer(args, 2, i), 0), n)
	}
	start := runeOffset(s, int(from))
	out.SetBytes(i, s[start:start+runeOffset(s[start:], int(n))])
	return nil
}

func leftPart(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	s, n := text(args, 0, i), integer(args, 1, i)
	if n < 0 {
		n = max(0, int64(utf8.RuneCount(s))+n)
	}
	out.SetBytes(i, s[:runeOffset(s, int(n))])
	return nil
}

func rightPart(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	s, n := text(args, 0, i), integer(args, 1, i)
	skip := -n
	if n >= 0 {
		skip = max(0, int64(utf8.RuneCount(s))-n)
	}
	out.SetBytes(i, s[runeOffset(s, int(skip)):])
	return nil
}

func position(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	s := text(args, 0, i)
	at := bytes.Index(s, text(args, 1, i))
	if at >= 0 {
		at = utf8.RuneCount(s[:at])
	}
	out.I[i] = int64(at) + 1
	return nil
}

func overlay(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	s, with, from := text(args, 0, i), text(args, 1, i), integer(args, 2, i)
	n := int64(utf8.RuneCount(with))
	if len(args) == 4 {
		n = integer(args, 3, i)
	}
	if from < 1 {
		return sqlerr.Newf(sqlerr.SubstringError, 0, "negative substring length not allowed")
	}
	at := len(out.Buf)
	out.Buf = append(append(out.Buf, s[:runeOffset(s, int(from-1))]...), with...)
	out.Buf = append(out.Buf, s[runeOffset(s, int(max(0, from-1+n))):]...)
	out.MarkText(i, at)
	return nil
}

func translate(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	from, to := text(args, 1, i), text(args, 2, i)
	at := len(out.Buf)
	for s := text(args, 0, i); len(s) > 0; {
		_, size := utf8.DecodeRune(s)
		c := s[:size]
		s = s[size:]
		before, _, ok := bytes.Cut(from, c)
		if !ok {
			out.Buf = append(out.Buf, c...)
			continue
		}
		rest := to[runeOffset(to, utf8.RuneCount(before)):]
		out.Buf = append(out.Buf, rest[:runeOffset(rest, 1)]...)
	}
	out.MarkText(i, at)
	return nil
}

func replace(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	s, old, with := text(args, 0, i), text(args, 1, i), text(args, 2, i)
	at := len(out.Buf)
	if len(old) > 0 {
		if !roomFor(out, int64(bytes.Count(s, old))*int64(len(with))+int64(len(s))) {
			return tooLong()
		}
		for {
			k := bytes.Index(s, old)
			if k < 0 {
				break
			}
			out.Buf = append(append(out.Buf, s[:k]...), with...)
			s = s[k+len(old):]
		}
	}
	out.Buf = append(out.Buf, s...)
	out.MarkText(i, at)
	return nil
}

func splitPart(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	s, by, n := text(args, 0, i), text(args, 1, i), integer(args, 2, i)
	switch {
	case n == 0:
		return sqlerr.Newf(sqlerr.InvalidParameterValue, 0, "field position must not be zero")
	case len(by) == 0:
		if n != 1 && n != -1 {
			s = nil
		}
		out.SetBytes(i, s)
		return nil
	case n < 0:
		n += int64(bytes.Count(s, by)) + 2
	}
	for ; n > 1; n-- {
		at := bytes.Index(s, by)
		if at < 0 {
			s = nil
			break
		}
		s = s[at+len(by):]
	}
	if n < 1 {
		s = nil
	}
	if at := bytes.Index(s, by); at >= 0 {
		s = s[:at]
	}
	out.SetBytes(i, s)
	return nil
}

func split(_ *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
	return appendRows(n, sel, out, func(i int) error {
		s, by := text(args, 0, i), text(args, 1, i)
		for len(by) > 0 {
			at := bytes.Index(s, by)
			if at < 0 {
				break
			}
			out.Kids[0].AppendBytes(s[:at])
			s = s[at+len(by):]
		}
		for len(by) == 0 && utf8.RuneCount(s) > 1 {
			_, size := utf8.DecodeRune(s)
			out.Kids[0].AppendBytes(s[:size])
			s = s[size:]
		}
		out.Kids[0].AppendBytes(s)
		out.EndList()
		return nil
	})
}
