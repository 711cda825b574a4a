package log

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

// Read returns the batches from the one holding offset on, about maxBytes of them, all below limit: an exclusive offset, the
// high watermark or last stable offset; a batch that crosses it is left out. With minOne the first batch is returned even
// when it is larger than maxBytes. An empty span means that nothing is there yet. Less than maxBytes may come though more is
// there: call again at NextOffset. What was appended last comes from memory, the rest by one read into a pooled buffer.
// Errors: ErrOffsetOutOfRange when offset is below StartOffset or above EndOffset, ErrClosed, else the disk's.
func (l *Log) Read(offset int64, maxBytes int, minOne bool, limit int64) (Span, error) {
	maxBytes = min(maxBytes, l.pooledBytes())
	want := cut{offset: offset, maxBytes: maxBytes, inMemory: maxBytes, minOne: minOne, limit: min(limit, l.end.Load())}
	return l.read(&want)
}

// strideMax bounds how much is read at a time to find a batch after a place that an index knows.
const strideMax = 64 << 10

// stride is how much holds the header of the batch that follows a place in the index, in most cases.
func (l *Log) stride() int { return int(min(l.Config().IndexInterval, strideMax)) + record.HeaderLen }

// pooledBytes is how much is read into memory at a time: a larger buffer would be made anew each time.
func (l *Log) pooledBytes() int { return 1<<bufferMaxShift - l.stride() }

func (l *Log) read(want *cut) (Span, error) {
	offset := want.offset
	for {
		if l.closed.Load() {
			return Span{}, ErrClosed
		}
		if start, end := l.start.Load(), l.end.Load(); offset < start || offset > end {
			return Span{}, fmt.Errorf("%w: %d, log has [%d, %d)", ErrOffsetOutOfRange, offset, start, end)
		}
		if want.offset >= want.limit {
			return Span{}, nil
		}
		l.mu.Lock()
		if span, ok := l.readTail(want); ok {
			l.mu.Unlock()
			return span, nil
		}
		segments := l.segments[l.segmentIndex(want.offset):]
		l.mu.Unlock()
		gone := false
		for _, s := range segments {
			span, done, err := l.readSegment(s, want)
			if gone = errors.Is(err, errSegmentGone); gone {
				break // retention took it: look again
			}
			if done || err != nil {
				return span, err
			}
			// The segment's records end before the offset (later ones were compacted away): go on in the next.
			want.offset = max(want.offset, s.end())
		}
		if !gone && segments[len(segments)-1].end() >= l.end.Load() {
			return Span{}, nil
		}
	}
}

func (s *segment) end() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}

// readTail serves from memory; ok is false when the offset is older than the tail. l.mu is held, and let go of while the
// batches are walked through.
func (l *Log) readTail(want *cut) (span Span, ok bool) {
	i, found := slices.BinarySearchFunc(l.tail, want.offset, func(c *chunk, offset int64) int {
		return int(min(max(c.base-offset, -1), 1))
	})
	if !found {
		i--
	}
	if i < 0 || l.tail[i].n == 0 {
		return Span{}, false
	}
	l.tailed.Store(true)
	c := l.tail[i]
	c.seg.mu.Lock()
	from := max(c.seg.x.lookup(want.offset-c.seg.base)-c.pos, 0)
	c.seg.mu.Unlock()
	buf, data := c.buf, c.buf.data[from:c.n:c.n]
	buf.acquire()
	l.mu.Unlock()
	want.run(data, want.inMemory)
	piece := data[want.from:want.to:want.to]
	switch {
	case len(piece) == 0:
		buf.release()
	case len(piece) >= len(buf.data)/tailShare:
		span = Span{Bytes: piece, NextOffset: want.next, buf: buf}
	default: // a small piece in the hands of a slow client must not keep the whole chunk
		own := l.buffers.get(len(piece))
		copy(own.data, piece)
		buf.release()
		span = Span{Bytes: own.data[:len(piece):len(piece)], NextOffset: want.next, buf: own, weight: len(own.data)}
	}
	l.mu.Lock()
	return span, true
}

// readSegment serves from a segment's file; done is false when the segment ends before the offset.
func (l *Log) readSegment(s *segment, want *cut) (span Span, done bool, err error) {
	file, size, err := s.acquire()
	if err != nil {
		return Span{}, false, err
	}
	defer func() {
		if span.seg == nil { // else the span is a user
			s.release()
		}
	}()
	pos, err := s.position(want.offset)
	if err != nil {
		return Span{}, false, err
	}
	if want.ranges && min(int64(want.maxBytes), size-pos) >= rangeMin {
		return l.nameRange(s, file, pos, size, want)
	}
	room := int64(want.inMemory + l.stride())
	for pos < size {
		buf := l.buffers.get(int(min(room, size-pos)))
		data, err := readAt(file, buf.data[:min(room, size-pos)], pos)
		if err != nil {
			buf.release()
			return Span{}, false, err
		}
		want.run(data, want.inMemory)
		if size-pos <= tailBytesDefault {
			l.tailed.Store(true)
		}
		if want.to > want.from {
			return Span{Bytes: data[want.from:want.to:want.to], NextOffset: want.next, buf: buf, weight: len(buf.data)}, true, nil
		}
		buf.release()
		switch {
		case want.limited:
			return Span{}, true, nil
		case want.need > 0: // the wanted batch begins here and is longer than what was read
			if pos += int64(want.from); pos+want.need > size {
				return Span{}, false, fmt.Errorf("segment %d ends inside the batch at %d", s.base, pos)
			}
			room = want.need
		case want.from == 0: // no batch: the rest of the segment is empty
			return Span{}, false, nil
		default:
			pos += int64(want.from)
		}
	}
	return Span{}, false, nil
}

// readAt reads a buffer full, or less at the end of the file.
func readAt(file vfs.File, buf []byte, pos int64) ([]byte, error) {
	n, err := file.ReadAt(buf, pos)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read segment: %w", err)
	}
	return buf[:n], nil
}

// cut finds, in bytes that begin with a batch, the run of batches a read wants.
type cut struct {
	offset, limit int64
	maxBytes      int
	inMemory      int // of maxBytes, where they are read
	minOne        bool
	ranges        bool // long runs are named, not read

	// set by run:
	from, to int   // the run; empty when to == from
	next     int64 // offset after the run
	limited  bool  // the wanted batch is there and may not be returned
	need     int64 // the wanted batch begins at from and is that long, longer than the bytes
}

// run looks through data, headers only, for at most maxBytes.
func (c *cut) run(data []byte, maxBytes int) {
	c.from, c.to, c.next, c.limited, c.need = 0, 0, 0, false, 0
	at := 0
	for len(data)-at >= record.HeaderLen {
		b := record.Batch(data[at:])
		length := int64(b.Length()) + record.PrefixLen
		if length < record.HeaderLen || b.Magic() != record.Magic {
			break
		}
		next := b.NextOffset()
		whole := length <= int64(len(data)-at)
		if next <= c.offset {
			if !whole {
				c.from, c.to, c.need = at, at, length
				return
			}
			at += int(length)
			c.from, c.to = at, at
			continue
		}
		first := c.to == c.from
		tooLong := int64(c.to-c.from)+length > int64(maxBytes) && (!first || !c.minOne)
		if next > c.limit || tooLong {
			c.limited = first
			return
		}
		if !whole {
			if first {
				c.need = length
			}
			return
		}
		at += int(length)
		c.to, c.next = at, next
	}
}
