package log

import (
	"fmt"
	"sort"

	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

// rangeMin is the shortest run that is left in its file: below, one read into memory costs less than what sending a file takes.
const rangeMin = 64 << 10

// ReadRange is Read for those who hand batches on unread: a long run is not read but named, as a range of its segment's file (Span.File),
// and may be as long as maxBytes says. At most about maxMemory bytes come in memory; all do when others hold as many files as they may
// (OpenFiles).
func (l *Log) ReadRange(offset int64, maxBytes, maxMemory int, minOne bool, limit int64) (Span, error) {
	if l.opts.Files.crowded() {
		return l.Read(offset, min(maxBytes, maxMemory), minOne, limit)
	}
	want := cut{
		offset: offset, maxBytes: maxBytes, inMemory: min(maxBytes, maxMemory, l.pooledBytes()), minOne: minOne, ranges: true, limit: min(limit, l.end.Load()),
	}
	return l.read(&want)
}

// nameRange finds the run a read wants by the headers alone, in a part of a segment's file that begins with a batch. A run too short to be
// worth a range is read. done is false when the segment ends before the offset.
func (l *Log) nameRange(s *segment, file vfs.File, pos, size int64, want *cut) (span Span, done bool, err error) {
	h := headers{file: file, size: size, window: l.buffers.get(l.stride())}
	defer func() { h.window.release() }()
	from, to, err := h.find(s, pos, want)
	if err != nil || from < 0 {
		return Span{}, false, err
	}
	if size-to <= tailBytesDefault {
		l.tailed.Store(true)
	}
	length := int(to - from)
	switch {
	case length == 0:
		return Span{}, true, nil
	case length >= rangeMin || length > want.inMemory:
		l.opts.Files.hold(1)
		return Span{File: file, Pos: from, size: length, NextOffset: want.next, seg: s}, true, nil
	}
	buf := l.buffers.get(length)
	data, err := readAt(file, buf.data[:length], from)
	if err == nil && len(data) < length {
		err = fmt.Errorf("segment %d ends at %d, before %d", s.base, from+int64(len(data)), to)
	}
	if err != nil {
		buf.release()
		return Span{}, false, err
	}
	return Span{Bytes: data[:length:length], NextOffset: want.next, buf: buf, weight: len(buf.data)}, true, nil
}

// headers walks through the batches of a file and reads little else than their headers.
type headers struct {
	file vfs.File
	size int64 // of what is written

	window   *buffer // a part of the file
	from, to int64   // where it lies
}

// at is the header of the batch at pos; ok is false when there is none.
func (h *headers) at(pos int64) (b record.Batch, ok bool, err error) {
	if h.size-pos < record.HeaderLen {
		return nil, false, nil
	}
	if pos < h.from || pos+record.HeaderLen > h.to {
		data, err := readAt(h.file, h.window.data[:min(int64(len(h.window.data)), h.size-pos)], pos)
		if err != nil {
			return nil, false, err
		}
		h.from, h.to = pos, pos+int64(len(data))
		if len(data) < record.HeaderLen {
			return nil, false, nil
		}
	}
	b = record.Batch(h.window.data[pos-h.from : h.to-h.from])
	length := int64(b.Length()) + record.PrefixLen
	return b, length >= record.HeaderLen && length <= h.size-pos && b.Magic() == record.Magic, nil
}

// find gives the place of the run a read wants, empty when it may not be given yet; from is -1 when every batch ends before the offset. want.next is set.
func (h *headers) find(s *segment, pos int64, want *cut) (from, to int64, err error) {
	from, want.next = -1, 0
	for {
		b, ok, err := h.at(pos)
		if err != nil || !ok {
			return from, pos, err
		}
		length, next := int64(b.Length())+record.PrefixLen, b.NextOffset()
		if next <= want.offset {
			pos += length
			continue
		}
		first := from < 0
		if first {
			from = pos
		}
		if next > want.limit || pos+length-from > int64(want.maxBytes) && (!first || !want.minOne) {
			return from, pos, nil
		}
		pos, want.next = pos+length, next
		if !first {
			continue
		}
		// The index knows a batch further on, before which all are wanted.
		if far := s.farthest(from+int64(want.maxBytes), want.limit); far > pos {
			if b, ok, err = h.at(far); err != nil || !ok {
				return from, pos, err
			}
			pos, want.next = far, b.BaseOffset()
		}
	}
}

// farthest is the place of the last batch that the index knows to begin at or before pos and to end below limit; 0 when there is none.
func (s *segment) farthest(pos, limit int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := sort.Search(len(s.x.offsets), func(i int) bool {
		return int64(s.x.offsets[i].pos) > pos || s.base+int64(s.x.offsets[i].last) >= limit
	})
	if n == 0 {
		return 0
	}
	return int64(s.x.offsets[n-1].pos)
}
