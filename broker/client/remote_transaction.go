package client

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// announce joins partitions to the transaction (before KIP-890; since then the append itself does).
func (p *remoteProducer) announce(partitions []TopicPartition) error {
	slices.SortFunc(partitions, compareTopicPartitions)
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	p.mu.Lock()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = p.transactionalID, p.identity.ID, p.identity.Epoch
	p.mu.Unlock()
	for _, tp := range partitions {
		name := p.r.names.out(tp.Topic)
		n := len(req.Topics)
		if n == 0 || req.Topics[n-1].Topic != name {
			t := kmsg.NewAddPartitionsToTxnRequestTopic()
			t.Topic = name
			req.Topics = append(req.Topics, t)
			n++
		}
		req.Topics[n-1].Partitions = append(req.Topics[n-1].Partitions, tp.Partition)
	}
	err := p.r.insist(p.ctx, func(ctx context.Context) error {
		resp, err := req.RequestWith(ctx, p.r.cl)
		if err != nil {
			return err
		}
		for _, t := range resp.Topics {
			for _, part := range t.Partitions {
				if part.ErrorCode != 0 && part.ErrorCode != kerr.OperationNotAttempted.Code {
					return codeErr(part.ErrorCode)
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, tp := range partitions {
		p.announced[tp] = struct{}{}
	}
	return nil
}

// CommitOffsets implements Producer. Positions of one group go in the order of the calls, those of several side by side.
func (p *remoteProducer) CommitOffsets(member GroupMember, offsets map[TopicPartition]Committed, done func(error)) {
	if done == nil {
		done = func(error) {}
	}
	if len(offsets) == 0 {
		done(nil)
		return
	}
	job := func() {
		p.mu.Lock()
		err := p.broken()
		p.mu.Unlock()
		switch {
		case err != nil:
		case p.transactionalID == "":
			err = p.commitAlone(member, offsets)
		default:
			err = p.commitInTransaction(member, offsets)
		}
		if err != nil {
			err = fmt.Errorf("commit positions of group %q: %w", member.Group, err)
			if p.transactionalID != "" {
				p.note(err)
			}
		}
		done(err)
		p.settle(1)
	}
	p.mu.Lock()
	if err := p.stopped(); err != nil {
		p.mu.Unlock()
		done(err)
		return
	}
	p.inflight++
	p.used = true
	jobs, busy := p.offsets[member.Group]
	p.offsets[member.Group] = append(jobs, job)
	p.mu.Unlock()
	if !busy {
		p.running.Go(func() { p.commitGroup(member.Group) })
	}
}

// commitGroup works off a group's queue.
func (p *remoteProducer) commitGroup(group string) {
	for {
		p.mu.Lock()
		jobs := p.offsets[group]
		if len(jobs) == 0 {
			delete(p.offsets, group)
			p.mu.Unlock()
			return
		}
		p.offsets[group] = jobs[1:]
		p.mu.Unlock()
		jobs[0]()
	}
}

// byTopic sorts positions into topics.
func byTopic(offsets map[TopicPartition]Committed) []TopicPartition {
	all := make([]TopicPartition, 0, len(offsets))
	for tp := range offsets {
		all = append(all, tp)
	}
	slices.SortFunc(all, compareTopicPartitions)
	return all
}

// generation is a member's; a simple consumer has none.
func (m GroupMember) generation() int32 {
	if m.MemberID == "" {
		return -1
	}
	return m.Generation
}

// commitAlone commits positions by themselves.
func (p *remoteProducer) commitAlone(member GroupMember, offsets map[TopicPartition]Committed) error {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.MemberID, req.Generation = p.r.names.out(member.Group), member.MemberID, member.generation()
	for _, tp := range byTopic(offsets) {
		name, c := p.r.names.out(tp.Topic), offsets[tp]
		n := len(req.Topics)
		if n == 0 || req.Topics[n-1].Topic != name {
			t := kmsg.NewOffsetCommitRequestTopic()
			t.Topic = name
			req.Topics = append(req.Topics, t)
			n++
		}
		part := kmsg.NewOffsetCommitRequestTopicPartition()
		part.Partition, part.Offset, part.LeaderEpoch, part.Metadata = tp.Partition, c.Offset, c.LeaderEpoch, new(c.Metadata)
		req.Topics[n-1].Partitions = append(req.Topics[n-1].Partitions, part)
	}
	return p.r.insist(p.ctx, func(ctx context.Context) error {
		resp, err := req.RequestWith(ctx, p.r.cl)
		if err != nil {
			return err
		}
		for _, t := range resp.Topics {
			for _, part := range t.Partitions {
				if part.ErrorCode != 0 {
					return fmt.Errorf("%s-%d: %w", t.Topic, part.Partition, codeErr(part.ErrorCode))
				}
			}
		}
		return nil
	})
}

// commitInTransaction adds positions to the open transaction.
func (p *remoteProducer) commitInTransaction(member GroupMember, offsets map[TopicPartition]Committed) error {
	group := p.r.names.out(member.Group)
	p.mu.Lock()
	identity := p.identity
	_, joined := p.groups[group]
	p.mu.Unlock()
	if !joined && !p.r.implicit {
		if err := p.joinGroup(group, identity); err != nil {
			return err
		}
	}
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch = p.transactionalID, group, identity.ID, identity.Epoch
	req.MemberID, req.Generation = member.MemberID, member.generation()
	for _, tp := range byTopic(offsets) {
		name, c := p.r.names.out(tp.Topic), offsets[tp]
		n := len(req.Topics)
		if n == 0 || req.Topics[n-1].Topic != name {
			t := kmsg.NewTxnOffsetCommitRequestTopic()
			t.Topic = name
			req.Topics = append(req.Topics, t)
			n++
		}
		part := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		part.Partition, part.Offset, part.LeaderEpoch, part.Metadata = tp.Partition, c.Offset, c.LeaderEpoch, new(c.Metadata)
		req.Topics[n-1].Partitions = append(req.Topics[n-1].Partitions, part)
	}
	return p.r.insist(p.ctx, func(ctx context.Context) error {
		resp, err := req.RequestWith(ctx, p.r.cl)
		if err != nil {
			return err
		}
		for _, t := range resp.Topics {
			for _, part := range t.Partitions {
				if part.ErrorCode != 0 {
					return fmt.Errorf("%s-%d: %w", t.Topic, part.Partition, codeErr(part.ErrorCode))
				}
			}
		}
		return nil
	})
}

// joinGroup adds a group's positions to the transaction (before KIP-890).
func (p *remoteProducer) joinGroup(group string, identity ProducerIdentity) error {
	req := kmsg.NewPtrAddOffsetsToTxnRequest()
	req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch = p.transactionalID, group, identity.ID, identity.Epoch
	err := p.r.insist(p.ctx, func(ctx context.Context) error {
		resp, err := req.RequestWith(ctx, p.r.cl)
		if err != nil {
			return err
		}
		return codeErr(resp.ErrorCode)
	})
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.groups[group] = struct{}{}
	return nil
}

// Commit implements Producer.
func (p *remoteProducer) Commit(done func(error)) { p.end(true, done) }

// Abort implements Producer.
func (p *remoteProducer) Abort(ctx context.Context) error {
	result := make(chan error, 1)
	p.end(false, func(err error) { result <- err })
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end waits for everything sent and then ends the transaction.
func (p *remoteProducer) end(commit bool, done func(error)) {
	p.mu.Lock()
	switch {
	case p.transactionalID == "":
		p.mu.Unlock()
		done(errNotTransactional)
		return
	case p.ending:
		p.mu.Unlock()
		done(errEnding)
		return
	case p.ctx.Err() != nil:
		p.mu.Unlock()
		done(ErrClosed)
		return
	}
	p.ending = true
	p.afterDrain(func() {
		p.mu.Lock()
		p.inflight++ // so that whoever waits for everything waits for the end too
		p.mu.Unlock()
		p.running.Go(func() {
			err := p.decide(commit)
			p.mu.Lock()
			p.ending = false
			p.clear()
			p.mu.Unlock()
			done(err)
			p.settle(1)
		})
	})
}

// decide ends the transaction when nothing of it is under way.
func (p *remoteProducer) decide(commit bool) error {
	p.mu.Lock()
	fatal, failed, used := p.fatal, p.failed, p.used
	p.mu.Unlock()
	switch {
	case fatal != nil:
		return fatal
	case failed != nil:
		if err := p.giveUp(); err != nil {
			err = fmt.Errorf("abort after %w: %w", failed, err)
			p.fail(err)
			return err
		}
		if commit {
			return fmt.Errorf("transaction aborted: %w", failed)
		}
		return nil
	case !used:
		return nil
	}
	if err := p.endTxn(commit); err != nil {
		err = fmt.Errorf("end transaction: %w", err)
		p.fail(err) // it may be decided or not: the next producer of the id finds out
		return err
	}
	if err := p.visible(); err != nil {
		err = fmt.Errorf("transaction is decided but not yet visible: %w", err)
		p.fail(err)
		return err
	}
	return nil
}

// giveUp aborts a transaction in which something failed. It is not known which sequences the partitions have seen, so the next one has
// another epoch: KIP-890 gives it one anyway, before it had to be asked for (KIP-360).
func (p *remoteProducer) giveUp() error {
	err := p.endTxn(false)
	unopened := isAny(err, kerr.InvalidTxnState) // nothing of it has reached the coordinator
	if err != nil && !unopened {
		return err
	}
	if err := p.visible(); err != nil {
		return err
	}
	if p.r.implicit && !unopened {
		return nil
	}
	return p.init(p.ctx)
}

// endTxn has the coordinator decide.
func (p *remoteProducer) endTxn(commit bool) error {
	req := kmsg.NewPtrEndTxnRequest()
	p.mu.Lock()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = p.transactionalID, p.identity.ID, p.identity.Epoch, commit
	p.mu.Unlock()
	return p.r.insist(p.ctx, func(ctx context.Context) error {
		resp, err := req.RequestWith(ctx, p.r.cl)
		if err == nil {
			err = codeErr(resp.ErrorCode)
		}
		if err == nil && p.r.implicit && resp.ProducerEpoch >= 0 {
			p.mu.Lock()
			p.identity = ProducerIdentity{ID: resp.ProducerID, Epoch: resp.ProducerEpoch}
			p.sequence = map[TopicPartition]int32{}
			p.mu.Unlock()
		}
		return err
	})
}

// States of a transaction between its decision and its last marker. Source: KIP-664.
const (
	statePrepareCommit = "PrepareCommit"
	statePrepareAbort  = "PrepareAbort"
)

// visible waits until the markers of a decided transaction are in all its partitions.
func (p *remoteProducer) visible() error {
	req := kmsg.NewPtrDescribeTransactionsRequest()
	req.TransactionalIDs = []string{p.transactionalID}
	return p.r.insist(p.ctx, func(ctx context.Context) error {
		resp, err := req.RequestWith(ctx, p.r.cl)
		switch {
		case err != nil:
			return err
		case len(resp.TransactionStates) != 1:
			return errShortAnswer
		}
		st := &resp.TransactionStates[0]
		if st.ErrorCode == 0 && (st.State == statePrepareCommit || st.State == statePrepareAbort) {
			return errAgain
		}
		return codeErr(st.ErrorCode)
	})
}

// Close implements Producer: an open transaction is aborted.
func (p *remoteProducer) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	open := p.transactionalID != "" && p.fatal == nil && (p.used || p.inflight > 0) && !p.ending
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), closeWait) //nolint:forbidigo // Close has no ctx and waits no longer than closeWait
	defer cancel()
	var err error
	if open {
		if err = p.Abort(ctx); errors.Is(err, ErrFenced) {
			err = nil
		}
	}
	drained := make(chan struct{})
	p.mu.Lock()
	p.afterDrain(func() { close(drained) })
	select {
	case <-drained:
	case <-ctx.Done():
		err = errors.Join(err, ctx.Err())
	}
	p.stop()
	p.running.Wait()
	p.cl.Close()
	p.r.mu.Lock()
	delete(p.r.producers, p)
	p.r.mu.Unlock()
	if err != nil {
		return fmt.Errorf("close the producer: %w", err)
	}
	return nil
}
