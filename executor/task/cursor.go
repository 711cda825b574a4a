package task

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"sync/atomic"
	"time"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/storage/record"
)

// fetchBytes is how much a cursor asks for at once: a thousand records or two, which stay in the processor's cache until they are decoded.
const fetchBytes = 256 << 10

// fetchGuided is the part of fetchBytes from which a batch counts as large: a cursor then asks for as many whole batches of its size as
// fit, at least one, because what is read of a batch that is cut off is read again.
const fetchGuided = 8

// cursor reads one partition's committed records in offset order. One goroutine uses it; only woken is shared.
type cursor struct {
	reader client.Reader
	tp     client.TopicPartition
	iso    client.Isolation

	next    int64 // offset of the next record to deliver: what a commit keeps
	read    int64 // offset after the last batch walked; next <= read
	bounds  client.Offsets
	ask     int // bytes of the next fetch
	fetched client.Fetched
	rest    []byte           // batches of fetched not yet walked
	aborted []client.Aborted // of fetched, by FirstOffset, not yet begun
	dropped map[int64]bool   // producers inside an aborted transaction at the walk's place

	woken   atomic.Bool // the readable end may have moved since the last empty fetch
	unwatch func()
}

// newCursor opens a partition at an offset and has wake called whenever there may be something new.
func newCursor(reader client.Reader, tp client.TopicPartition, next int64, iso client.Isolation, wake func()) (*cursor, error) {
	c := &cursor{reader: reader, tp: tp, iso: iso, next: next, read: next, ask: fetchBytes}
	c.woken.Store(true)
	unwatch, err := reader.Watch(tp, func() {
		c.woken.Store(true)
		wake()
	})
	if err != nil {
		return nil, fmt.Errorf("watch %s-%d: %w", tp.Topic, tp.Partition, err)
	}
	c.unwatch = unwatch
	return c, nil
}

// ready tells whether fill may find records.
func (c *cursor) ready() bool { return len(c.rest) > 0 || c.woken.Load() }

// fill replaces cols by the records of whole batches: at least want rows, or those of what one fetch brought (uncompressed ones are not copied:
// cols looks into its memory until the next fill), or none when nothing is readable.
// Records below c.next (a batch is delivered whole) are skipped by from, the index of the first row that counts.
func (c *cursor) fill(ctx context.Context, dec *record.Decompressor, cols *record.Columns, want int) (from int, err error) {
	cols.Reset()
	for len(cols.Offsets) < want {
		if len(c.rest) == 0 {
			if cols.Viewing() {
				break
			}
			more, err := c.fetch(ctx)
			if err != nil || !more {
				return firstAtOrAfter(cols.Offsets, c.next), err
			}
		}
		more, err := c.walk(dec, cols)
		if err != nil {
			return 0, err
		}
		if !more {
			break
		}
	}
	return firstAtOrAfter(cols.Offsets, c.next), nil
}

// fetch gets the next run of batches; false when nothing is readable now.
func (c *cursor) fetch(ctx context.Context) (bool, error) {
	c.release()
	c.woken.Store(false)
	got, err := c.reader.Fetch(ctx, c.tp, c.read, c.ask, c.iso)
	if err != nil {
		return false, fmt.Errorf("fetch %s-%d at %d: %w", c.tp.Topic, c.tp.Partition, c.read, err)
	}
	c.bounds = got.Offsets
	if len(got.Batches) == 0 {
		if got.Release != nil {
			got.Release()
		}
		return false, nil
	}
	c.fetched, c.rest = got, got.Batches
	c.ask = askFor(got.Batches)
	c.woken.Store(true) // there may be more behind what was returned
	c.aborted = append(c.aborted[:0], got.Aborted...)
	sort.Slice(c.aborted, func(i, j int) bool { return c.aborted[i].FirstOffset < c.aborted[j].FirstOffset })
	clear(c.dropped)
	return true, nil
}

// askFor is how much to fetch after a run of batches: by the first one's size.
func askFor(run []byte) int {
	first, _, err := record.Next(run)
	if err != nil || len(first) < fetchBytes/fetchGuided {
		return fetchBytes
	}
	return max(fetchBytes/len(first), 1) * len(first)
}

// delivered notes that the rows of cols before index end are done with.
func (c *cursor) delivered(cols *record.Columns, end int) {
	if end == len(cols.Offsets) {
		c.next = c.read // markers and aborted batches behind the last row included
		return
	}
	c.next = cols.Offsets[end]
}

// walk takes one batch off rest and adds its records, unless it is a marker or belongs to an aborted transaction. It tells whether cols
// may take another: compressed records do not go into columns that look into the fetched memory.
func (c *cursor) walk(dec *record.Decompressor, cols *record.Columns) (more bool, err error) {
	b, rest, err := record.Next(c.rest)
	if err != nil {
		return false, fmt.Errorf("read %s-%d at %d: %w", c.tp.Topic, c.tp.Partition, c.next, err)
	}
	plain := b.Compression() == record.None
	if !plain && cols.Viewing() && cols.Len() > 0 {
		return false, nil
	}
	at := len(c.fetched.Batches) - len(c.rest)
	c.rest = rest
	if b.NextOffset() <= c.next {
		return true, nil
	}
	c.read = b.NextOffset()
	if c.skips(b) {
		return true, nil
	}
	if plain && (cols.Viewing() || cols.Len() == 0) {
		err = record.ViewColumns(c.fetched.Batches, at, b, cols)
	} else {
		err = record.AppendColumns(b, dec, cols)
	}
	if err != nil {
		return false, fmt.Errorf("read %s-%d at %d: %w", c.tp.Topic, c.tp.Partition, b.BaseOffset(), err)
	}
	return true, nil
}

// skips tells whether a batch holds nothing a reader of committed records may see. Source: KIP-98, Fetcher.isBatchAborted.
func (c *cursor) skips(b record.Batch) bool {
	if c.iso == client.ReadUncommitted {
		return b.Control()
	}
	for len(c.aborted) > 0 && c.aborted[0].FirstOffset <= b.LastOffset() {
		if c.dropped == nil {
			c.dropped = map[int64]bool{}
		}
		c.dropped[c.aborted[0].ProducerID] = true
		c.aborted = c.aborted[1:]
	}
	if b.Control() {
		delete(c.dropped, b.ProducerID())
		return true
	}
	return b.Transactional() && c.dropped[b.ProducerID()]
}

// arrivals tells one goroutine of wakes.
type arrivals chan struct{}

func newArrivals() arrivals { return make(arrivals, 1) }

func (a arrivals) wake() {
	select {
	case a <- struct{}{}:
	default:
	}
}

// arrivalMax is how long what is known to be there may take to come: a broker at the other end of a network may be restarting.
const arrivalMax = 30 * time.Second

// errMissing says that a partition does not give what lies below its end.
var errMissing = errors.New("nothing to read below the committed end")

// next waits until a cursor that found nothing may find something.
func (a arrivals) next(ctx context.Context) error {
	timer := time.NewTimer(arrivalMax)
	defer timer.Stop()
	select {
	case <-a:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return errMissing
	}
}

// drained tells whether everything readable at the last look has been delivered.
func (c *cursor) drained() bool { return len(c.rest) == 0 && !c.woken.Load() }

func (c *cursor) release() {
	if c.fetched.Release != nil {
		c.fetched.Release()
	}
	c.fetched, c.rest = client.Fetched{}, nil
}

// close ends the watch and gives memory back.
func (c *cursor) close() {
	c.unwatch()
	c.unwatch = func() {}
	c.woken.Store(false)
	c.release()
}

// firstAtOrAfter is the index of the first offset >= at; offsets ascend.
func firstAtOrAfter(offsets []int64, at int64) int {
	if len(offsets) == 0 || offsets[0] >= at {
		return 0
	}
	return sort.Search(len(offsets), func(i int) bool { return offsets[i] >= at })
}
