// Package keycode turns values into bytes that sort (bytes.Compare) as the values do, and back.
//
// Encodings concatenate: a key of several parts sorts by the first, then the second. Integers and floats take eight
// bytes; byte strings are escaped and ended so that a shorter one sorts before its extensions. Desc turns a part's order around.
package keycode

import (
	"encoding/binary"
	"errors"
	"math"
)

// ErrCorrupt says that bytes are no encoding of the asked kind.
var ErrCorrupt = errors.New("corrupt key encoding")

const (
	wordLen  = 8
	signBit  = 1 << 63
	escape   = 0x00 // begins an escape inside a byte string
	escaped  = 0xff // after escape: a zero byte
	terminal = 0x01 // after escape: the end
)

// AppendInt64 appends v.
func AppendInt64(dst []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(v)^signBit)
}

// NextInt64 reads what AppendInt64 wrote and gives the rest.
func NextInt64(b []byte) (v int64, rest []byte, err error) {
	if len(b) < wordLen {
		return 0, b, ErrCorrupt
	}
	return int64(binary.BigEndian.Uint64(b) ^ signBit), b[wordLen:], nil
}

// AppendFloat64 appends v. Negative zero sorts as zero and comes back as zero; NaN, all as one, sorts above infinity, as in Postgres.
func AppendFloat64(dst []byte, v float64) []byte {
	if v == 0 {
		v = 0 // drops the sign
	}
	if math.IsNaN(v) {
		v = math.NaN()
	}
	bits := math.Float64bits(v)
	if bits&signBit != 0 {
		bits = ^bits
	} else {
		bits |= signBit
	}
	return binary.BigEndian.AppendUint64(dst, bits)
}

// NextFloat64 reads what AppendFloat64 wrote and gives the rest.
func NextFloat64(b []byte) (v float64, rest []byte, err error) {
	if len(b) < wordLen {
		return 0, b, ErrCorrupt
	}
	bits := binary.BigEndian.Uint64(b)
	if bits&signBit != 0 {
		bits &^= signBit
	} else {
		bits = ^bits
	}
	return math.Float64frombits(bits), b[wordLen:], nil
}

// AppendBytes appends v: zero bytes become 00 ff, the end is 00 01.
func AppendBytes(dst, v []byte) []byte {
	for _, c := range v {
		if c == escape {
			dst = append(dst, escape, escaped)
			continue
		}
		dst = append(dst, c)
	}
	return append(dst, escape, terminal)
}

// NextBytes reads what AppendBytes wrote, appending the value to dst, and gives the rest.
func NextBytes(dst, b []byte) (v, rest []byte, err error) {
	for i := 0; i < len(b); i++ {
		if b[i] != escape {
			dst = append(dst, b[i])
			continue
		}
		if i++; i == len(b) {
			break
		}
		switch b[i] {
		case escaped:
			dst = append(dst, escape)
		case terminal:
			return dst, b[i+1:], nil
		default:
			return dst, b, ErrCorrupt
		}
	}
	return dst, b, ErrCorrupt
}

// Desc turns the order of an encoded part around, in place: Desc(dst[n:]) after appending from n on. A second Desc undoes it.
func Desc(part []byte) {
	for i := range part {
		part[i] = ^part[i]
	}
}
