package task

import (
	"sync"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/storage/record"
)

// Batch is a finished record batch on its way to a partition.
type Batch struct {
	To    client.TopicPartition
	Bytes []byte
}

// outbox gathers an epoch's batches of one task. They are produced only when the epoch commits, so that a task that fails leaves
// nothing behind. The task's goroutine alone uses it.
type outbox struct {
	batches []Batch
	bytes   int
	pool    *BufferPool
}

// post closes the batch a builder has gathered and adds it. The batch has no checksum before its producer is stamped.
func (o *outbox) post(to client.TopicPartition, b *record.Builder) error {
	var batch record.Batch
	var err error
	if b.Len() < inPlaceBytes {
		batch, err = b.Build(nil)
	} else {
		batch, err = b.BuildUnsealed(o.pool.get())
	}
	if err != nil {
		return err
	}
	o.add(to, batch)
	return nil
}

// inPlaceBytes is the size from which a batch is handed over with its memory; smaller ones are copied, and the builder keeps its own.
const inPlaceBytes = sinkBatchBytes / 2

func (o *outbox) add(to client.TopicPartition, batch []byte) {
	o.batches = append(o.batches, Batch{To: to, Bytes: batch})
	o.bytes += len(batch)
}

// take empties the outbox.
func (o *outbox) take() []Batch {
	taken := o.batches
	o.batches, o.bytes = nil, 0
	return taken
}

// drop gives the batches' memory back: the epoch will not commit.
func (o *outbox) drop() {
	for _, b := range o.batches {
		o.pool.Put(b.Bytes)
	}
	o.batches, o.bytes = o.batches[:0], 0
}

// BufferPool recycles the memory of output batches. It is safe for concurrent use.
type BufferPool struct {
	mu   sync.Mutex
	free [][]byte // guarded by mu
}

const (
	// pooledBuffers bounds what an idle pool holds on to: 64 batches of sinkBatchBytes.
	pooledBuffers = 64
	// bufferBytes is the memory of an output batch: the record that fills it may go beyond sinkBatchBytes.
	bufferBytes = sinkBatchBytes + sinkBatchBytes/8
)

func (p *BufferPool) get() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		b := p.free[n-1]
		p.free = p.free[:n-1]
		return b
	}
	return make([]byte, 0, bufferBytes)
}

// Put takes a batch's memory back once nobody reads it.
func (p *BufferPool) Put(b []byte) {
	if cap(b) < bufferBytes || cap(b) > 4*sinkBatchBytes {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) < pooledBuffers {
		p.free = append(p.free, b[:0])
	}
}
