package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/storage/record"
)

const (
	// flyingMax is how many batches of a partition, and requests to a broker, may be under way: a broker remembers the last five batches of a
	// producer, by which it knows one that comes again.
	flyingMax = 5
	// requestBytes bounds the batches of one request, but for a single one that is larger.
	requestBytes = 8 << 20
	// produceTimeoutMS is how long a broker may wait for its followers.
	produceTimeoutMS = 15_000
)

// sending is a batch on its way.
type sending struct {
	batch    record.Batch
	count    int32
	sequence int32 // -1: not stamped
	deadline time.Time
	done     func(Ack)
}

// outgoing is what goes to one partition, in order.
type outgoing struct {
	tp        TopicPartition
	waiting   []*sending
	flying    []*sending
	failed    []*sending // of those that flew: sent again, in order, once nothing flies
	notBefore time.Time
}

// remoteProducer is the Producer over the Kafka protocol.
//
// Batches wait in a queue a partition; one goroutine puts the next of every partition that may send into a request a broker. What fails for
// a passing reason is sent again with the same sequence, after everything else of the partition has been answered, so that order and
// exactly-once hold. A transaction goes as in the embedded form: see producer.
type remoteProducer struct {
	r               *Remote
	cl              *kgo.Client // connections of its own: requests of one goroutine on one connection keep their order
	transactionalID string      // as the cluster calls it
	timeout         time.Duration
	wake            chan struct{}
	wrote           chan struct{}   // a Produce request has been written to its connection
	ctx             context.Context //nolint:containedctx // the life of background work, ended by Close
	stop            context.CancelFunc
	running         sync.WaitGroup

	mu        sync.Mutex // guards what follows
	identity  ProducerIdentity
	sequence  map[TopicPartition]int32
	parts     map[TopicPartition]*outgoing
	requests  map[int32]int               // under way, by broker
	known     bool                        // cl has heard of its brokers
	offsets   map[string][]func()         // positions to commit, by group; an entry's goroutine works them off
	announced map[TopicPartition]struct{} // partitions that may be appended to
	groups    map[string]struct{}         // groups that may be committed to
	used      bool                        // something was sent in this transaction
	inflight  int
	onDrained []func()
	failed    error // in this transaction
	fatal     error // for good
	stale     bool  // without transactions: the identity must be renewed before anything is sent, sequences have holes
	ending    bool
	closed    bool
}

// Producer implements Client.
func (r *Remote) Producer(ctx context.Context, opts ProducerOptions) (Producer, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	p := &remoteProducer{
		r: r, timeout: opts.TransactionTimeout, wake: make(chan struct{}, 1), wrote: make(chan struct{}, 1),
		parts: map[TopicPartition]*outgoing{}, requests: map[int32]int{}, offsets: map[string][]func(){},
		identity: ProducerIdentity{ID: record.NoProducer, Epoch: -1},
	}
	if opts.TransactionalID != "" {
		p.transactionalID = r.names.out(opts.TransactionalID)
	}
	if p.timeout <= 0 {
		p.timeout = defaultTransactionTimeout
	}
	p.reset()
	var err error
	if p.cl, err = r.connection(kgo.WithHooks(writeHook{p.wrote})); err != nil {
		return nil, err
	}
	if err := p.init(ctx); err != nil {
		p.cl.Close()
		return nil, fmt.Errorf("init producer %q: %w", opts.TransactionalID, err)
	}
	p.ctx, p.stop = context.WithCancel(r.life)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		p.stop()
		p.cl.Close()
		return nil, ErrClosed
	}
	r.producers[p] = struct{}{}
	p.running.Go(p.run)
	return p, nil
}

// writeHook tells of Produce requests that were written.
type writeHook struct{ wrote chan struct{} }

// OnBrokerWrite implements kgo.HookBrokerWrite.
func (h writeHook) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, _ error) {
	if key == keyProduce {
		notify(h.wrote)
	}
}

// reset forgets transaction and sequences; p.mu is held, or nobody knows p yet.
func (p *remoteProducer) reset() {
	p.sequence = map[TopicPartition]int32{}
	p.clear()
}

// clear forgets the transaction.
func (p *remoteProducer) clear() {
	p.announced, p.groups = map[TopicPartition]struct{}{}, map[string]struct{}{}
	p.used, p.failed = false, nil
}

// init gets an identity: the first, or the next epoch of the one there is, which aborts what is open.
func (p *remoteProducer) init(ctx context.Context) error {
	req := kmsg.NewPtrInitProducerIDRequest()
	if p.transactionalID != "" {
		req.TransactionalID = new(p.transactionalID)
		req.TransactionTimeoutMillis = int32(p.timeout.Milliseconds())
		p.mu.Lock()
		req.ProducerID, req.ProducerEpoch = p.identity.ID, p.identity.Epoch
		p.mu.Unlock()
	}
	return p.r.insist(ctx, func(ctx context.Context) error {
		resp, err := req.RequestWith(ctx, p.r.cl)
		if err == nil {
			err = codeErr(resp.ErrorCode)
		}
		if err != nil {
			return err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.reset()
		p.identity, p.stale = ProducerIdentity{ID: resp.ProducerID, Epoch: resp.ProducerEpoch}, false
		return nil
	})
}

// Produce implements Producer.
func (p *remoteProducer) Produce(tp TopicPartition, batch []byte, done func(Ack)) {
	if done == nil {
		done = func(Ack) {}
	}
	b, rest, err := record.Next(batch)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes after the batch", len(rest))
	}
	if err != nil {
		err = fmt.Errorf("produce to %s-%d: %w", tp.Topic, tp.Partition, err)
	}
	p.mu.Lock()
	if err != nil && p.failed == nil && p.transactionalID != "" {
		p.failed = err
	}
	if err == nil {
		err = p.stopped()
	}
	if err != nil {
		p.mu.Unlock()
		done(Ack{BaseOffset: -1, Err: err})
		return
	}
	o := p.parts[tp]
	if o == nil {
		o = &outgoing{tp: tp}
		p.parts[tp] = o
	}
	o.waiting = append(o.waiting, &sending{
		batch: b, count: b.Count(), sequence: -1, deadline: time.Now().Add(p.r.opts.Patience), done: done,
	})
	p.inflight++
	p.used = true
	p.mu.Unlock()
	notify(p.wake)
}

// stopped tells why nothing more may be produced. p.mu is held.
func (p *remoteProducer) stopped() error {
	if p.closed {
		return ErrClosed
	}
	return p.broken()
}

// broken tells why nothing may be sent. p.mu is held.
func (p *remoteProducer) broken() error {
	if p.fatal != nil {
		return p.fatal
	}
	return p.failed
}

// run sends until the producer is closed.
func (p *remoteProducer) run() {
	for p.ctx.Err() == nil {
		later := p.sendAll()
		var timer <-chan time.Time
		if later > 0 {
			timer = time.After(later)
		}
		select {
		case <-p.wake:
		case <-timer:
		case <-p.ctx.Done():
		}
	}
	p.failWaiting(ErrClosed, false)
}

// sendAll sends what may be sent; later is when to look again though nobody wakes, 0: not.
func (p *remoteProducer) sendAll() (later time.Duration) {
	for p.ctx.Err() == nil {
		p.prepare()
		leader, batch, wait := p.pick()
		if len(batch) == 0 {
			return wait
		}
		p.launch(leader, batch)
	}
	return 0
}

// prepare finds leaders, joins partitions to the transaction and renews a stale identity.
func (p *remoteProducer) prepare() {
	p.mu.Lock()
	broken, stale := p.broken(), p.stale && !p.flies()
	unsure := map[string]bool{}
	for tp, o := range p.parts {
		if leader, known, _ := p.r.routes.leader(tp); o.due(time.Now()) && (!known || leader == noLeader) {
			unsure[tp.Topic] = true
		}
	}
	p.mu.Unlock()
	if broken != nil {
		p.failWaiting(broken, false)
		return
	}
	if stale {
		p.failWaiting(errBehindFailure, true)
		if err := p.init(p.ctx); err != nil {
			p.fail(fmt.Errorf("renew the producer: %w", err))
			return
		}
	}
	for topic := range unsure {
		p.locate(topic)
	}
	if p.transactionalID != "" && !p.r.implicit {
		p.join()
	}
}

// due tells whether something waits that may be sent now.
func (o *outgoing) due(now time.Time) bool { return len(o.waiting) > 0 && !o.notBefore.After(now) }

// join announces the partitions that have something to send.
func (p *remoteProducer) join() {
	now := time.Now()
	var missing []TopicPartition
	p.mu.Lock()
	for tp, o := range p.parts {
		if _, ok := p.announced[tp]; !ok && o.due(now) {
			missing = append(missing, tp)
		}
	}
	p.mu.Unlock()
	if len(missing) == 0 {
		return
	}
	err := p.announce(missing)
	switch {
	case err == nil:
	case errors.Is(err, ErrUnknownTopic): // the coordinator has not heard of it, or it was deleted in this moment: look again
		p.mu.Lock()
		for _, tp := range missing {
			p.r.routes.forget(tp.Topic)
			if o := p.parts[tp]; o != nil {
				o.notBefore = now.Add(retryPause)
				if p.late(o, now) && p.failed == nil {
					p.failed = fmt.Errorf("join partitions: %w", err)
				}
			}
		}
		p.mu.Unlock()
	default:
		p.note(fmt.Errorf("join partitions: %w", err))
	}
}

// locate looks for a topic's leaders; what waits for a topic that does not exist fails, as does what has waited too long.
func (p *remoteProducer) locate(topic string) {
	ctx, cancel := context.WithTimeout(p.ctx, routeTimeout)
	defer cancel()
	err := p.r.find(ctx, topic)
	now := time.Now()
	var fail []*sending
	p.mu.Lock()
	for tp, o := range p.parts {
		if tp.Topic != topic {
			continue
		}
		leader, _, exists := p.r.routes.leader(tp)
		cause := err
		if cause == nil && !exists {
			cause = fmt.Errorf("%w: %s-%d", ErrUnknownTopic, tp.Topic, tp.Partition)
		}
		switch {
		case cause != nil && len(o.flying) == 0 && (errors.Is(cause, ErrUnknownTopic) || isCode(cause) && !errors.Is(cause, errAgain) || p.late(o, now)):
			fail = append(fail, o.waiting...)
			o.waiting = nil
			if err = cause; !isCode(cause) && !errors.Is(cause, ErrUnknownTopic) {
				err = outOfPatience(p.ctx, cause)
			}
		case cause != nil || leader == noLeader:
			o.notBefore = now.Add(retryPause)
		}
	}
	p.mu.Unlock()
	for _, s := range fail {
		p.finish(s, Ack{BaseOffset: -1, Err: fmt.Errorf("produce: %w", err)})
	}
}

func (p *remoteProducer) late(o *outgoing, now time.Time) bool {
	return len(o.waiting) > 0 && now.After(o.waiting[0].deadline)
}

// one is a batch of a request.
type one struct {
	to *outgoing
	s  *sending
}

// pick chooses the next request: one batch of every partition of one leader that may send. wait is when to look again.
func (p *remoteProducer) pick() (leader int32, batch []one, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken() != nil || p.stale {
		return noLeader, nil, 0
	}
	now := time.Now()
	leader = noLeader
	total := 0
	for tp, o := range p.parts {
		if len(o.waiting) == 0 || len(o.failed) > 0 || len(o.flying) >= flyingMax {
			continue
		}
		if left := o.notBefore.Sub(now); left > 0 {
			if wait == 0 || left < wait {
				wait = left
			}
			continue
		}
		if _, ok := p.announced[tp]; !ok && p.transactionalID != "" && !p.r.implicit {
			continue
		}
		at, known, exists := p.r.routes.leader(tp)
		if !known || !exists || at == noLeader {
			o.notBefore, wait = now.Add(soonPause), max(soonPause, wait)
			continue
		}
		size := len(o.waiting[0].batch)
		if p.requests[at] >= flyingMax || leader != noLeader && at != leader || len(batch) > 0 && total+size > requestBytes {
			continue
		}
		leader = at
		total += size
		batch = append(batch, one{o, o.waiting[0]})
	}
	for _, b := range batch {
		p.take(b)
	}
	if len(batch) > 0 {
		p.requests[leader]++
	}
	return leader, batch, wait
}

// take stamps a batch, when it goes for the first time, and lets it fly. p.mu is held.
func (p *remoteProducer) take(b one) {
	o, s := b.to, b.s
	o.waiting[0] = nil
	o.waiting = o.waiting[1:]
	o.flying = append(o.flying, s)
	if s.sequence < 0 {
		s.sequence = p.sequence[o.tp]
		p.sequence[o.tp] = record.AddSequence(s.sequence, s.count)
		s.batch.SetProducer(p.identity.ID, p.identity.Epoch, s.sequence, p.transactionalID != "")
	}
}

// launch sends a request and returns when it is on its connection, or has failed: the next one comes after it.
func (p *remoteProducer) launch(leader int32, batch []one) {
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, produceTimeoutMS
	if p.transactionalID != "" {
		req.TransactionID = new(p.transactionalID)
	}
	slices.SortFunc(batch, func(a, b one) int { return compareTopicPartitions(a.to.tp, b.to.tp) })
	for _, b := range batch {
		name := p.r.names.out(b.to.tp.Topic)
		n := len(req.Topics)
		if n == 0 || req.Topics[n-1].Topic != name {
			t := kmsg.NewProduceRequestTopic()
			t.Topic = name
			req.Topics = append(req.Topics, t)
			n++
		}
		part := kmsg.NewProduceRequestTopicPartition()
		part.Partition, part.Records = b.to.tp.Partition, b.s.batch
		req.Topics[n-1].Partitions = append(req.Topics[n-1].Partitions, part)
	}
	select {
	case <-p.wrote:
	default:
	}
	p.meet()
	answered := make(chan struct{})
	p.running.Go(func() {
		resp, err := answerOf[*kmsg.ProduceResponse](p.cl.Broker(int(leader)).Request(p.ctx, req))
		close(answered)
		p.answer(leader, batch, resp, err)
	})
	select {
	case <-p.wrote:
	case <-answered:
	}
}

// meet lets the producer's own connections hear of the brokers, at first and after a failure.
func (p *remoteProducer) meet() {
	p.mu.Lock()
	known := p.known
	p.known = true
	p.mu.Unlock()
	if known {
		return
	}
	meta := kmsg.NewPtrMetadataRequest()
	meta.Topics = []kmsg.MetadataRequestTopic{}
	_, _ = meta.RequestWith(p.ctx, p.cl) // when it fails, the request behind it does too
}

// answer settles the batches of a request.
func (p *remoteProducer) answer(leader int32, batch []one, resp *kmsg.ProduceResponse, err error) {
	acks := map[TopicPartition]*kmsg.ProduceResponseTopicPartition{}
	if err == nil {
		for i := range resp.Topics {
			t := &resp.Topics[i]
			name, _ := p.r.names.in(t.Topic)
			for j := range t.Partitions {
				acks[TopicPartition{Topic: name, Partition: t.Partitions[j].Partition}] = &t.Partitions[j]
			}
		}
	}
	type outcome struct {
		s   *sending
		ack Ack
	}
	var settled []outcome
	p.mu.Lock()
	if p.requests[leader]--; p.requests[leader] == 0 {
		delete(p.requests, leader)
	}
	for _, b := range batch {
		o, s := b.to, b.s
		o.flying = slices.DeleteFunc(o.flying, func(x *sending) bool { return x == s })
		ack, again := p.judge(o, s, acks[o.tp], err)
		if again == nil {
			settled = append(settled, outcome{s, ack})
		} else {
			o.failed = append(o.failed, s)
		}
		if len(o.flying) == 0 && len(o.failed) > 0 {
			slices.SortFunc(o.failed, func(a, b *sending) int { return int(a.sequence - b.sequence) })
			o.waiting = append(o.failed, o.waiting...)
			o.failed, o.notBefore = nil, time.Now().Add(retryPause)
		}
		if len(o.flying) == 0 && len(o.waiting) == 0 {
			delete(p.parts, o.tp)
		}
	}
	p.mu.Unlock()
	for _, f := range settled {
		p.finish(f.s, f.ack)
	}
	notify(p.wake)
}

// judge decides what an answer means for a batch: an ack, or why to send it again. p.mu is held.
func (p *remoteProducer) judge(o *outgoing, s *sending, got *kmsg.ProduceResponseTopicPartition, err error) (ack Ack, again error) {
	refused := func(err error) (Ack, error) {
		return Ack{BaseOffset: -1, Err: fmt.Errorf("produce to %s-%d: %w", o.tp.Topic, o.tp.Partition, err)}, nil
	}
	if err == nil && got == nil {
		err = errShortAnswer
	}
	if err != nil {
		p.known = false
		p.r.routes.forget(o.tp.Topic)
		switch {
		case p.ctx.Err() != nil:
			return refused(ErrClosed)
		case refusal(err):
			return refused(err)
		case time.Now().After(s.deadline):
			return refused(outOfPatience(p.ctx, err))
		}
		return Ack{}, err
	}
	code := kerr.ErrorForCode(got.ErrorCode)
	switch {
	case code == nil, isAny(code, kerr.DuplicateSequenceNumber):
		return Ack{BaseOffset: got.BaseOffset}, nil
	case isAny(code, kerr.OutOfOrderSequenceNumber) && o.precedes(s): // it came before one that is sent again
		return Ack{}, code
	case isAny(code, kerr.ConcurrentTransactions), !isAny(code, kerr.OutOfOrderSequenceNumber) && passing(got.ErrorCode):
		if time.Now().After(s.deadline) {
			return refused(outOfPatience(p.ctx, codeErr(got.ErrorCode)))
		}
		if !isAny(code, kerr.ConcurrentTransactions) {
			p.r.routes.forget(o.tp.Topic)
		}
		return Ack{}, code
	}
	return refused(said(got.ErrorCode, got.ErrorMessage))
}

// precedes tells whether a batch before s is not settled either.
func (o *outgoing) precedes(s *sending) bool {
	before := func(x *sending) bool { return x.sequence-s.sequence < 0 }
	return slices.ContainsFunc(o.flying, before) || slices.ContainsFunc(o.failed, before)
}

// errBehindFailure is the fate of batches sent behind one that failed.
var errBehindFailure = errors.New("a batch before this one failed")

// finish tells the caller of a batch's fate.
func (p *remoteProducer) finish(s *sending, ack Ack) {
	switch {
	case ack.Err == nil:
	case p.transactionalID != "":
		p.note(ack.Err)
	case s.sequence >= 0:
		p.mu.Lock()
		p.stale = true
		p.mu.Unlock()
	}
	s.done(ack)
	p.settle(1)
}

// note keeps a failure of the transaction: it will be aborted.
func (p *remoteProducer) note(err error) {
	p.mu.Lock()
	if p.failed == nil {
		p.failed = err
	}
	if errors.Is(err, ErrFenced) && p.fatal == nil {
		p.fatal = err
	}
	p.mu.Unlock()
	notify(p.wake)
}

func (p *remoteProducer) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fatal == nil {
		p.fatal = err
	}
}

// failWaiting fails everything that is not under way, or of that only what has a sequence already.
func (p *remoteProducer) failWaiting(err error, stamped bool) {
	var all []*sending
	p.mu.Lock()
	for tp, o := range p.parts {
		keep := o.waiting[:0:0]
		for _, s := range o.waiting {
			if stamped && s.sequence < 0 {
				keep = append(keep, s)
			} else {
				all = append(all, s)
			}
		}
		if o.waiting = keep; len(keep) == 0 && len(o.flying) == 0 {
			delete(p.parts, tp)
		}
	}
	p.mu.Unlock()
	for _, s := range all {
		s.done(Ack{BaseOffset: -1, Err: err})
	}
	p.settle(len(all))
}

// flies tells whether any batch is under way. p.mu is held.
func (p *remoteProducer) flies() bool {
	for _, o := range p.parts {
		if len(o.flying) > 0 {
			return true
		}
	}
	return false
}

// settle counts things sent as done, after their callbacks.
func (p *remoteProducer) settle(n int) {
	p.mu.Lock()
	p.inflight -= n
	var run []func()
	if p.inflight == 0 {
		run, p.onDrained = p.onDrained, nil
	}
	p.mu.Unlock()
	for _, fn := range run {
		fn()
	}
}

// afterDrain calls fn when nothing is under way. It is called with p.mu held and releases it.
func (p *remoteProducer) afterDrain(fn func()) {
	if p.inflight > 0 {
		p.onDrained = append(p.onDrained, fn)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	fn()
}
