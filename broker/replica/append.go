package replica

import (
	"fmt"
	"sync"
	"time"

	"github.com/freshetdb/freshet/storage/log"
	"github.com/freshetdb/freshet/storage/record"
)

// Acks says what an append waits for, in Kafka's numbers.
type Acks int16

// The values of acks. None and Leader are answered after the write; None's caller just doesn't pass the answer on.
const (
	AcksAll    Acks = -1 // the high watermark passed the batch: on disk, on every replica in sync
	AcksNone   Acks = 0
	AcksLeader Acks = 1 // written here
)

// AppendOptions says how to append.
type AppendOptions struct {
	Acks Acks
	// Origin decides what is checked: log.FromClient, or log.FromCoordinator, which may write control batches.
	Origin log.Origin
	// RequireJoin refuses a batch that opens a transaction without a Join.
	RequireJoin bool
	// EpochBumped says of a marker that it carries a newer epoch than the transaction it ends.
	EpochBumped bool
	// Timeout bounds the wait of AcksAll; 0 waits as long as it takes.
	Timeout time.Duration
}

// Appended is the fate of a batch.
type Appended struct {
	log.AppendInfo
	// Start is the partition's first offset.
	Start int64
	// Err nil: as asked by Acks. ErrTimedOut: written, unacknowledged. Otherwise nothing was written, with record.Err* for a bad
	// batch and log.Err* for a refused one.
	Err error
}

// appendOp is an append under way, reused.
type appendOp struct {
	log.Submission
	p     *Partition
	acks  Acks
	reply func(Appended)
	// deadline is when a parked append is answered ErrTimedOut; zero for never.
	deadline time.Time
	timer    *time.Timer
	// required is the high watermark that acknowledges the batch.
	required int64
}

// appendOps pools them.
type appendOps struct{ pool sync.Pool }

func (o *appendOps) get() *appendOp {
	if op, ok := o.pool.Get().(*appendOp); ok {
		return op
	}
	op := new(appendOp)
	op.Done = func(*log.Submission) { op.written() }
	return op
}

// Append assigns a batch's offsets in place and writes it. batch must have passed record.Validate; it is the partition's until
// done is called, and is modified. done is called once, possibly before Append returns and from any goroutine, and must
// not block. Appends of one goroutine are written in its order.
func (p *Partition) Append(batch record.Batch, opts AppendOptions, done func(Appended)) {
	l, epoch, err := p.admit(opts)
	if err == nil {
		err = p.checkAge(batch, opts)
	}
	if err == nil {
		batch, err = p.recode(batch, opts.Origin)
	}
	if err != nil {
		done(Appended{Err: err})
		return
	}
	op := p.m.ops.get()
	op.p, op.acks, op.reply = p, opts.Acks, done
	op.Entry = log.Entry{Batch: batch, Origin: opts.Origin, RequireJoin: opts.RequireJoin, EpochBumped: opts.EpochBumped}
	op.LeaderEpoch = epoch
	op.deadline = time.Time{}
	if opts.Acks == AcksAll && opts.Timeout > 0 {
		op.deadline = time.Now().Add(opts.Timeout)
	}
	l.Submit(&op.Submission, p.m.now)
}

// admit tells whether the partition takes appends now.
func (p *Partition) admit(opts AppendOptions) (*log.Log, int32, error) {
	s := p.state.Load()
	if !s.leads {
		return nil, 0, ErrNotLeader
	}
	if opts.Acks == AcksAll && len(s.ISR) < min(s.config.MinInsyncReplicas, len(s.Replicas)) {
		return nil, 0, ErrNotEnoughReplicas
	}
	l, err := p.open()
	if err != nil {
		return nil, 0, err
	}
	p.mu.Lock()
	dead := p.dead
	p.mu.Unlock()
	if dead != nil {
		return nil, 0, dead
	}
	if p.epochAssigned.Load() != s.LeaderEpoch {
		// Without mu: the log may wait for an append that acknowledges others.
		if err := l.AssignEpoch(s.LeaderEpoch); err != nil {
			return nil, 0, fmt.Errorf("%w: note leader epoch: %w", ErrStorage, err)
		}
		p.epochAssigned.Store(s.LeaderEpoch)
	}
	return l, s.LeaderEpoch, nil
}

// checkAge refuses client batches older than message.timestamp.before.max.ms; storage/log looks for those from the future.
func (p *Partition) checkAge(batch record.Batch, opts AppendOptions) error {
	c := &p.state.Load().config
	if c.TimestampBeforeMax <= 0 || c.LogAppendTime || opts.Origin != log.FromClient {
		return nil
	}
	if age := p.m.now().Sub(time.UnixMilli(batch.BaseTimestamp())); age > c.TimestampBeforeMax {
		return fmt.Errorf("%w: %v old, %v allowed", log.ErrInvalidTimestamp, age, c.TimestampBeforeMax)
	}
	return nil
}

// park keeps an append until the high watermark passes it. The caller holds mu.
func (p *Partition) park(op *appendOp) {
	p.pending = append(p.pending, op)
	if op.deadline.IsZero() {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(time.Until(op.deadline), func() { p.expire(op, &timer) })
	op.timer = timer
}

// expire answers an append that is still parked and still the one the timer was for.
func (p *Partition) expire(op *appendOp, timer **time.Timer) {
	p.mu.Lock()
	found := false
	for i, other := range p.pending {
		if other == op && op.timer == *timer {
			p.pending = append(p.pending[:i], p.pending[i+1:]...)
			found = true
			break
		}
	}
	p.mu.Unlock()
	if found {
		op.finish(ErrTimedOut)
	}
}

// written is called by the log after the write.
func (op *appendOp) written() {
	p := op.p
	if op.Err != nil {
		p.m.metrics.refused.Inc()
		op.finish(p.gone(op.Err))
		return
	}
	p.m.metrics.appendedBatches.Inc()
	p.m.metrics.appendedBytes.Add(float64(len(op.Batch)))
	synced := p.state.Load().config.SyncedAcks()
	if op.required = op.Info.LastOffset + 1; !synced {
		p.advance(op.required)
		p.flushSoon(op.required)
	} else {
		p.m.syncer.Request()
	}
	if op.acks != AcksAll {
		op.finish(nil)
		return
	}
	p.mu.Lock()
	dead, acked := p.dead, p.highWatermark.Load() >= op.required
	if dead == nil && !acked {
		p.park(op)
	}
	p.mu.Unlock()
	if dead != nil || acked {
		op.finish(dead)
	}
}

// flushSoon asks for a sync of a flush.mode=interval topic up to end as flush.messages and flush.ms want it.
func (p *Partition) flushSoon(end int64) {
	c := &p.state.Load().config
	if l := p.log.Load(); l != nil && end-l.SyncedOffset() >= c.FlushMessages {
		p.m.syncer.Request()
		return
	}
	if c.FlushAge > 0 && c.FlushAge < syncInterval && !p.flushArmed.Swap(true) {
		time.AfterFunc(c.FlushAge, func() {
			p.flushArmed.Store(false)
			p.m.syncer.Request()
		})
	}
}

// finish answers and recycles the append.
func (op *appendOp) finish(err error) {
	if op.timer != nil {
		op.timer.Stop()
	}
	result := Appended{AppendInfo: op.Info, Err: err}
	if l := op.p.log.Load(); l != nil {
		result.Start = l.StartOffset()
	}
	done, ops := op.reply, &op.p.m.ops
	op.p, op.reply, op.timer, op.Entry = nil, nil, nil, log.Entry{}
	ops.pool.Put(op)
	done(result)
}

// onSynced is called by the syncer after a round that covered appends of this partition.
func (p *Partition) onSynced(synced int64, err error) {
	if err != nil {
		p.die(fmt.Errorf("%w: %w", ErrStorage, err))
		return
	}
	p.advance(synced)
}

// advance moves the high watermark up to end, acknowledges what it passed and wakes readers.
func (p *Partition) advance(end int64) {
	p.mu.Lock()
	if end <= p.highWatermark.Load() {
		p.mu.Unlock()
		return
	}
	p.highWatermark.Store(end)
	n := 0
	for n < len(p.pending) && p.pending[n].required <= end {
		n++
	}
	acked := p.pending[:n:n]
	if p.pending = p.pending[n:]; len(p.pending) == 0 {
		p.pending = nil
	}
	p.mu.Unlock()
	for _, op := range acked {
		op.finish(nil)
	}
	p.wakeWatchers()
}

// die refuses appends from now on; reads go on.
func (p *Partition) die(err error) {
	p.mu.Lock()
	p.dead = err
	p.mu.Unlock()
	p.fail(err)
}

// fail answers every parked append with err.
func (p *Partition) fail(err error) {
	p.mu.Lock()
	failed := p.pending
	p.pending = nil
	p.mu.Unlock()
	for _, op := range failed {
		op.finish(err)
	}
}
