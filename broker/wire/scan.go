package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	// produceFlexible is the first Produce version with compact lengths and tags (KIP-482), produceTopicIDs the first with topic ids.
	produceFlexible = 9
	produceTopicIDs = 13
	// producePartitionsMax bounds the partitions of a Produce request: Kafka's clients send one batch for each of at most all
	// partitions a broker leads.
	producePartitionsMax = 200_000
)

var errProduce = errors.New("produce request is malformed")

// scanProduce walks a Produce request's frame of lengths before it is decoded: decoding trusts an array's length and would take
// seventy bytes for each of 100 million promised elements.
func scanProduce(body []byte, version int16) error {
	s := scanner{rest: body, flexible: version >= produceFlexible}
	s.skip(s.stringLen()) // transactional id
	s.skip(2 + 4)         // acks, timeout
	partitions := 0
	for topics := s.arrayLen(); topics > 0 && !s.bad; topics-- {
		if version >= produceTopicIDs {
			s.skip(16)
		} else {
			s.skip(s.stringLen())
		}
		count := s.arrayLen()
		if partitions += count; count < 0 || partitions > producePartitionsMax {
			return fmt.Errorf("%w: more than %d partitions", errProduce, producePartitionsMax)
		}
		for ; count > 0 && !s.bad; count-- {
			s.skip(4)
			s.skip(s.bytesLen())
			s.tags()
		}
		s.tags()
	}
	if s.bad {
		return errProduce
	}
	return nil
}

// scanner steps over a request's values; after the first missing byte bad is set and all lengths are 0.
type scanner struct {
	rest     []byte
	flexible bool
	bad      bool
}

// skip steps over n bytes; a negative n is a null, of no bytes.
func (s *scanner) skip(n int) {
	switch {
	case n <= 0:
	case n > len(s.rest):
		s.bad, s.rest = true, nil
	default:
		s.rest = s.rest[n:]
	}
}

// compactLen is a length plus one as a varint; -1 is null.
func (s *scanner) compactLen() int {
	v, n := binary.Uvarint(s.rest)
	if n <= 0 || v > 1<<31 {
		s.bad, s.rest = true, nil
		return 0
	}
	s.rest = s.rest[n:]
	return int(v) - 1
}

func (s *scanner) plainLen(width int) int {
	if len(s.rest) < width {
		s.bad, s.rest = true, nil
		return 0
	}
	b := s.rest[:width]
	s.rest = s.rest[width:]
	if width == 2 {
		return int(int16(binary.BigEndian.Uint16(b)))
	}
	return int(int32(binary.BigEndian.Uint32(b)))
}

func (s *scanner) stringLen() int {
	if s.flexible {
		return s.compactLen()
	}
	return s.plainLen(2)
}

func (s *scanner) bytesLen() int {
	if s.flexible {
		return s.compactLen()
	}
	return s.plainLen(4)
}

// arrayLen is the number of elements, at most one a byte left.
func (s *scanner) arrayLen() int {
	n := s.bytesLen()
	if n > len(s.rest) {
		s.bad, s.rest = true, nil
		return 0
	}
	return n
}

func (s *scanner) tags() {
	if !s.flexible || s.bad {
		return
	}
	rest, err := skipTags(s.rest)
	s.rest, s.bad = rest, err != nil
}
