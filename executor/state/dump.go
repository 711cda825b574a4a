package state

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// The format of dumps (docs/formats/state.md).
const (
	dumpMagic    = "FRSD"
	dumpVersion  = 1
	sectionEnd   = 0
	sectionGroup = 1
	sectionMax   = 1 << 30 // bytes; a longer one is not believed
	sectionStep  = 1 << 20 // bytes read at a time, so that a false length does not cost its memory
	dumpBuffer   = 256 << 10
)

// Dump writes the state as of the last commit, one group at a time, taking the chunk lock for a group's copy only. Commits may go on meanwhile:
// each group is as of the commit before its copy, and replaying the changelog from the positions at the dump's start completes it.
func (s *Store) Dump(w io.Writer) error {
	out := bufio.NewWriterSize(w, dumpBuffer)
	if _, err := out.Write(s.dumpHeader()); err != nil {
		return fmt.Errorf("write dump: %w", err)
	}
	sections := uint64(0)
	var buf []byte
	for _, t := range s.tables {
		if t.NoUndo {
			continue
		}
		s.mu.Lock()
		places := t.places(s.committed)
		s.mu.Unlock()
		for _, at := range places {
			var err error
			if buf, err = s.dumpGroup(t, at, buf[:0]); err != nil {
				return err
			}
			if len(buf) == 0 {
				continue
			}
			if err := writeSection(out, buf); err != nil {
				return fmt.Errorf("write dump: %w", err)
			}
			sections++
		}
	}
	end := binary.LittleEndian.AppendUint64([]byte{sectionEnd}, sections)
	if err := writeSection(out, end); err != nil {
		return fmt.Errorf("write dump: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write dump: %w", err)
	}
	return nil
}

// dumpHeader is magic, version, layout, positions and a checksum.
func (s *Store) dumpHeader() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := append([]byte(dumpMagic), dumpVersion)
	b = binary.LittleEndian.AppendUint32(b, s.fingerprint())
	for _, p := range s.positions {
		b = binary.LittleEndian.AppendUint64(b, uint64(p))
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

const dumpHeaderSize = len(dumpMagic) + 1 + 4 + 8*ChangelogPartitions + 4

func (s *Store) fingerprint() uint32 {
	sum := uint32(0)
	for _, t := range s.tables {
		sum = t.fingerprint(sum)
	}
	return sum
}

// writeSection writes length, checksum and payload.
func writeSection(w *bufio.Writer, payload []byte) error {
	var head [8]byte
	binary.LittleEndian.PutUint32(head[:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(head[4:], crc32.Checksum(payload, castagnoli))
	if _, err := w.Write(head[:]); err != nil {
		return err
	}
	_, err := w.Write(payload)
	return err
}

// dumpGroup copies a group: kind, table, group, then key and value of each key, each after its length.
func (s *Store) dumpGroup(t *Table, at place, buf []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	buf = append(buf, sectionGroup)
	buf = binary.AppendUvarint(buf, uint64(t.ordinal))
	buf = append(buf, byte(at.group))
	head := len(buf)
	t.eachAsOf(at, s.committed, func(b *bucket, slot []uint64, _ uint64, value []uint64) {
		s.scratch = t.appendKeyBytes(s.scratch[:0], &group{bucket: b}, slot)
		s.value = t.appendStateBytes(s.value[:0], b.arena, value)
		buf = append(binary.AppendUvarint(buf, uint64(len(s.scratch))), s.scratch...)
		buf = append(binary.AppendUvarint(buf, uint64(len(s.value))), s.value...)
	})
	if len(buf) == head {
		return buf[:0], nil
	}
	return buf, nil
}

// Load reads a dump into an empty store whose tables have been made, and tells from where to replay the changelog. Errors: ErrCorrupt,
// ErrLayout (made by another plan: rebuild from input), *BudgetError; the store is then empty again.
func (s *Store) Load(r io.Reader) (Positions, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return Positions{}, ErrClosed
	}
	at, err := s.load(bufio.NewReaderSize(r, dumpBuffer))
	if err != nil {
		s.clear()
		return Positions{}, err
	}
	s.positions = at
	return at, nil
}

func (s *Store) load(r *bufio.Reader) (Positions, error) {
	var at Positions
	head := make([]byte, dumpHeaderSize)
	if _, err := io.ReadFull(r, head); err != nil {
		return at, fmt.Errorf("read dump: %w", torn(err))
	}
	sum := len(head) - 4
	if string(head[:4]) != dumpMagic || crc32.Checksum(head[:sum], castagnoli) != binary.LittleEndian.Uint32(head[sum:]) {
		return at, fmt.Errorf("a dump's header is damaged: %w", ErrCorrupt)
	}
	if head[4] != dumpVersion || binary.LittleEndian.Uint32(head[5:]) != s.fingerprint() {
		return at, fmt.Errorf("a dump is of another version or plan: %w", ErrLayout)
	}
	for p := range at {
		at[p] = int64(binary.LittleEndian.Uint64(head[9+8*p:]))
	}
	var k Keys
	var buf []byte
	for sections := uint64(0); ; sections++ {
		var err error
		if buf, err = readSection(r, buf[:0]); err != nil {
			return at, err
		}
		if buf[0] == sectionEnd {
			if len(buf) != 9 || binary.LittleEndian.Uint64(buf[1:]) != sections {
				return at, fmt.Errorf("a dump lacks sections: %w", ErrCorrupt)
			}
			return at, nil
		}
		if err := s.loadGroup(&k, buf); err != nil {
			return at, err
		}
	}
}

// torn makes a dump's early end a corruption.
func torn(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrCorrupt
	}
	return err
}

func readSection(r *bufio.Reader, buf []byte) ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, fmt.Errorf("read dump: %w", torn(err))
	}
	n := int(binary.LittleEndian.Uint32(head[:]))
	if n == 0 || n > sectionMax {
		return nil, fmt.Errorf("a dump's section has %d bytes: %w", n, ErrCorrupt)
	}
	for len(buf) < n {
		from := len(buf)
		buf = append(buf, make([]byte, min(n-from, sectionStep))...)
		if _, err := io.ReadFull(r, buf[from:]); err != nil {
			return nil, fmt.Errorf("read dump: %w", torn(err))
		}
	}
	if crc32.Checksum(buf, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
		return nil, fmt.Errorf("a dump's section is damaged: %w", ErrCorrupt)
	}
	return buf, nil
}

func (s *Store) loadGroup(k *Keys, b []byte) error {
	ordinal, n := binary.Uvarint(b[1:])
	if b[0] != sectionGroup || n <= 0 || ordinal >= uint64(len(s.tables)) || len(b) < n+2 || b[n+1] >= Groups {
		return fmt.Errorf("a dump's section names no table: %w", ErrCorrupt)
	}
	t, group := s.tables[ordinal], int(b[n+1])
	b = b[n+2:]
	keys, err := countKeys(b)
	if err != nil {
		return err
	}
	for first := true; len(b) > 0; first = false {
		var key, value []byte
		if key, b, err = cutBytes(b); err != nil {
			return err
		}
		if value, b, err = cutBytes(b); err != nil {
			return err
		}
		if value == nil {
			value = []byte{}
		}
		if err := t.restoreInto(k, group, key, value); err != nil {
			return err
		}
		if first { // the others go to the same group of the same bucket
			if err := t.bucketFor(k.bucket[0]).groups[group].reserve(t, keys); err != nil {
				return err
			}
		}
	}
	return nil
}

// countKeys is the number of keys in a section's body.
func countKeys(b []byte) (n int, err error) {
	for ; len(b) > 0; n++ {
		for range 2 { // key, value
			if _, b, err = cutBytes(b); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

func cutBytes(b []byte) (field, rest []byte, err error) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return nil, nil, fmt.Errorf("a dump's entry is cut off: %w", ErrCorrupt)
	}
	return b[used : used+int(n)], b[used+int(n):], nil
}
