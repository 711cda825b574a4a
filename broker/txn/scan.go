package txn

import (
	"encoding/binary"
	"errors"
)

var errCutShort = errors.New("transaction value is cut short")

// What stands before the partitions of a TransactionLogValue, and between them and the tags.
const (
	valueHead = 2 + 8 + 2 + 4 + 1 // version, producer id and epoch, timeout, state
	valueTail = 8 + 8             // last update, start
)

// scanValue looks at the lengths in a TransactionLogValue before kmsg decodes it: that one counts tags as often as it is told to, though there be no
// bytes left. Version 0 has none.
func scanValue(b []byte) error {
	if len(b) < valueHead {
		return errCutShort
	}
	if binary.BigEndian.Uint16(b) == 0 {
		return nil
	}
	s := valueScan{rest: b[valueHead:]}
	for topics := s.length(); topics > 0 && !s.bad; topics-- {
		s.skip(s.length())     // name
		s.skip(s.length() * 4) // partitions
		s.tags()
	}
	s.skip(valueTail)
	s.tags()
	if s.bad {
		return errCutShort
	}
	return nil
}

// valueScan steps over values; after the first missing byte bad is set and every length is 0.
type valueScan struct {
	rest []byte
	bad  bool
}

func (s *valueScan) uvarint() uint64 {
	v, n := binary.Uvarint(s.rest)
	if n <= 0 {
		s.bad, s.rest = true, nil
		return 0
	}
	s.rest = s.rest[n:]
	return v
}

// length is a compact length: one more than there are, 0 for null.
func (s *valueScan) length() int {
	v := s.uvarint()
	if v > uint64(len(s.rest))+1 {
		s.bad, s.rest = true, nil
		return 0
	}
	return max(int(v)-1, 0)
}

func (s *valueScan) skip(n int) {
	if n > len(s.rest) {
		s.bad, s.rest = true, nil
		return
	}
	s.rest = s.rest[n:]
}

func (s *valueScan) tags() {
	for n := s.uvarint(); n > 0 && !s.bad; n-- {
		s.uvarint()
		size := s.uvarint()
		if size > uint64(len(s.rest)) {
			s.bad, s.rest = true, nil
			return
		}
		s.skip(int(size))
	}
}
