package record

import "encoding/binary"

const (
	varint32Max = 5  // bytes of the longest 32-bit varint
	varint64Max = 10 // bytes of the longest 64-bit varint
)

// uvarint reads an unsigned varint; n is 0 when buf ends before it does or it is longer than 64 bits.
func uvarint(buf []byte) (v uint64, n int) {
	if len(buf) > 0 && buf[0] < 0x80 {
		return uint64(buf[0]), 1
	}
	if len(buf) > 1 && buf[1] < 0x80 {
		return uint64(buf[0]&0x7f) | uint64(buf[1])<<7, 2
	}
	v, n = binary.Uvarint(buf)
	return v, max(n, 0)
}

// varint reads a zig-zag varint; n is 0 when there is none.
func varint(buf []byte) (v int64, n int) {
	u, n := uvarint(buf)
	return int64(u>>1) ^ -int64(u&1), n
}

func zigzag(v int64) uint64 { return uint64(v<<1) ^ uint64(v>>63) }

// varintLen is the length of v as a zig-zag varint.
func varintLen(v int64) int {
	n := 1
	for u := zigzag(v); u >= 0x80; u >>= 7 {
		n++
	}
	return n
}

func appendVarint(dst []byte, v int64) []byte {
	u := zigzag(v)
	if u < 0x80 {
		return append(dst, byte(u))
	}
	return binary.AppendUvarint(dst, u)
}
