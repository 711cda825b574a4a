package wire

import (
	"encoding/binary"
	"errors"
)

const (
	// decodedMax bounds the memory a decoded request takes beyond its frame: names of one byte take about ten times their bytes.
	decodedMax = 64 << 20
	// produceDecodedMax does for Produce, whose frames may be much larger: it is 200,000 partitions or more.
	produceDecodedMax = 16 << 20
	// tagsMemory is what the first tag that kmsg doesn't know costs in a structure, tagMemory what each does.
	tagsMemory, tagMemory = 320, 100
	// nullableMemory is a string behind a pointer without its bytes.
	nullableMemory = 16
)

var (
	errCutShort = errors.New("a length goes beyond the end of the request")
	errElements = errors.New("a number of elements goes beyond the end of the request")
	errTagCount = errors.New("a number of tags goes beyond the end of the request")
	errTooMany  = errors.New("too many elements")
)

// scan walks a request's lengths before kmsg decodes it and returns the memory, in bytes, that the decoded request takes beside its frame. kmsg trusts
// lengths further than a stranger's should be: it makes room for as many elements as there are bytes left, and goes on through four
// billion tags when there are no bytes at all. What is refused here does not decode either, unless it takes more than most.
func (l *requestLayout) scan(body []byte, most int) (memory int, err error) {
	s := scanner{rest: body, flexible: l.flexible, most: most}
	s.structure(&l.layout)
	return s.memory, s.err
}

// scanner steps over a request's values; after the first refusal err is set, nothing is left and all lengths are 0.
type scanner struct {
	rest     []byte
	flexible bool
	memory   int
	most     int
	err      error
}

func (s *scanner) fail(err error) {
	if s.err == nil {
		s.err = err
	}
	s.rest = nil
}

// skip steps over n bytes; a negative n is a null, of no bytes.
func (s *scanner) skip(n int) {
	switch {
	case n <= 0:
	case n > len(s.rest):
		s.fail(errCutShort)
	default:
		s.rest = s.rest[n:]
	}
}

// charge counts n times memory. n is at most the bytes of a frame, so the product doesn't overflow.
func (s *scanner) charge(n, memory int) {
	if s.memory += n * memory; s.memory > s.most {
		s.fail(errTooMany)
	}
}

func (s *scanner) structure(l *layout) {
	for i := range l.fields {
		s.field(&l.fields[i])
		if s.err != nil {
			return
		}
	}
	if l.tagged {
		s.tags(l.tags)
	}
}

func (s *scanner) field(f *field) {
	switch f.kind {
	case ofFixed:
		s.skip(f.width)
	case ofString:
		n := s.stringLen()
		s.charge(max(n, 0), 1)
		s.skip(n)
	case ofNullable:
		if n := s.stringLen(); n >= 0 {
			s.charge(n+nullableMemory, 1)
			s.skip(n)
		}
	case ofBytes:
		s.skip(s.bytesLen())
	case ofArray:
		s.array(f.elem)
	case ofStruct:
		s.structure(f.elem)
	case ofPointer:
		if s.present() {
			s.charge(1, f.elem.memory)
			s.structure(f.elem)
		}
	}
}

func (s *scanner) array(elem *layout) {
	n := s.arrayLen()
	if n <= 0 {
		return
	}
	if n > len(s.rest)/max(elem.least, 1) {
		s.fail(errElements)
		return
	}
	s.charge(n, elem.memory)
	if width, ok := elem.plain(); ok {
		s.skip(n * width)
		return
	}
	for ; n > 0 && s.err == nil; n-- {
		s.structure(elem)
	}
}

// present reads whether a structure follows, as kmsg does.
func (s *scanner) present() bool {
	if len(s.rest) == 0 {
		s.fail(errCutShort)
		return false
	}
	b := int8(s.rest[0])
	s.rest = s.rest[1:]
	return b != -1
}

// tags steps over tagged fields: a count, then number, size and value of each. Values of those that kmsg knows are looked into.
func (s *scanner) tags(known []field) {
	if len(s.rest) > 0 && s.rest[0] == 0 { // as nearly always
		s.rest = s.rest[1:]
		return
	}
	count := s.uvarint()
	if int64(count) > int64(len(s.rest)/2) {
		s.fail(errTagCount)
		return
	}
	first := tagsMemory
	for ; count > 0 && s.err == nil; count-- {
		tag := s.uvarint()
		size := int64(s.uvarint())
		if size > int64(len(s.rest)) {
			s.fail(errCutShort)
			return
		}
		after := s.rest[size:]
		if f := withTag(known, tag); f != nil {
			s.rest = s.rest[:size]
			s.field(f)
		} else {
			s.charge(1, first+tagMemory)
			first = 0
		}
		if s.err != nil {
			return
		}
		s.rest = after
	}
}

func withTag(known []field, tag uint32) *field {
	for i := range known {
		if known[i].tag == tag {
			return &known[i]
		}
	}
	return nil
}

// uvarint is a number of at most 32 bits in up to five bytes, as kmsg reads it.
func (s *scanner) uvarint() uint32 {
	if len(s.rest) > 0 && s.rest[0] < 0x80 {
		v := uint32(s.rest[0])
		s.rest = s.rest[1:]
		return v
	}
	v, n := binary.Uvarint(s.rest[:min(len(s.rest), binary.MaxVarintLen32)])
	if n <= 0 || v > 1<<32-1 {
		s.fail(errCutShort)
		return 0
	}
	s.rest = s.rest[n:]
	return uint32(v)
}

func (s *scanner) plainLen(width int) int {
	if len(s.rest) < width {
		s.fail(errCutShort)
		return 0
	}
	b := s.rest[:width]
	s.rest = s.rest[width:]
	if width == 2 {
		return int(int16(binary.BigEndian.Uint16(b)))
	}
	return int(int32(binary.BigEndian.Uint32(b)))
}

// stringLen is the length of a string, negative for null.
func (s *scanner) stringLen() int {
	if s.flexible {
		return int(s.uvarint()) - 1
	}
	return s.plainLen(2)
}

// bytesLen is the length of bytes, negative for null.
func (s *scanner) bytesLen() int {
	if s.flexible {
		return int(s.uvarint()) - 1
	}
	return s.plainLen(4)
}

// arrayLen is the number of an array's elements, negative for null.
func (s *scanner) arrayLen() int {
	if s.flexible {
		return int(int32(s.uvarint()) - 1)
	}
	return s.plainLen(4)
}
