package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/group"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/replica"
	"github.com/freshetdb/freshet/broker/txn"
	"github.com/freshetdb/freshet/storage/log"
)

// newClient makes the client of programs that live in this process.
func newClient(c *coordinators) *client.Embedded {
	return client.NewEmbedded(client.Node{
		Reader:       clientReader{c.replicas},
		Admin:        clientAdmin{c},
		Groups:       clientGroups{c.groups},
		Appender:     clientAppender{c.replicas},
		Transactions: clientTransactions{c},
	})
}

// clientReader reads partitions of this node in place.
type clientReader struct{ replicas *replica.Manager }

func (r clientReader) partition(tp client.TopicPartition) (*replica.Partition, error) {
	p, err := r.replicas.Partition(tp.Topic, tp.Partition)
	return p, clientError(tp, err)
}

// Fetch implements client.Reader.
func (r clientReader) Fetch(ctx context.Context, tp client.TopicPartition, offset int64, maxBytes int, iso client.Isolation) (client.Fetched, error) {
	if err := ctx.Err(); err != nil {
		return client.Fetched{}, err
	}
	p, err := r.partition(tp)
	if err != nil {
		return client.Fetched{}, err
	}
	read, err := p.Read(offset, maxBytes, true, replica.Isolation(iso))
	if err != nil {
		return client.Fetched{}, clientError(tp, err)
	}
	f := client.Fetched{Offsets: client.Offsets(read.Bounds)}
	if read.Span.Bytes == nil {
		return f, nil
	}
	f.Batches, f.Release = read.Span.Bytes, read.Span.Release
	for _, a := range read.Aborted {
		f.Aborted = append(f.Aborted, client.Aborted{ProducerID: a.ProducerID, FirstOffset: a.FirstOffset})
	}
	return f, nil
}

// Watch implements client.Reader.
func (r clientReader) Watch(tp client.TopicPartition, moved func()) (cancel func(), err error) {
	p, err := r.partition(tp)
	if err != nil {
		return nil, err
	}
	return p.Watch(moved), nil
}

// Offsets implements client.Reader.
func (r clientReader) Offsets(_ context.Context, tp client.TopicPartition) (client.Offsets, error) {
	p, err := r.partition(tp)
	if err != nil {
		return client.Offsets{}, err
	}
	b, err := p.Bounds()
	return client.Offsets(b), clientError(tp, err)
}

// OffsetForTime implements client.Reader.
func (r clientReader) OffsetForTime(_ context.Context, tp client.TopicPartition, t time.Time) (int64, error) {
	p, err := r.partition(tp)
	if err != nil {
		return 0, err
	}
	found, ok, err := p.OffsetForTime(t.UnixMilli(), replica.ReadUncommitted)
	if err != nil {
		return 0, clientError(tp, err)
	}
	if ok {
		return found.Offset, nil
	}
	b, err := p.Bounds()
	return b.HighWatermark, clientError(tp, err)
}

// clientError puts the client's own errors in front of what the broker's parts say.
func clientError(tp client.TopicPartition, err error) error {
	var is error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, replica.ErrUnknownPartition), errors.Is(err, replica.ErrNotLeader):
		is = client.ErrUnknownTopic
	case errors.Is(err, log.ErrOffsetOutOfRange):
		is = client.ErrOffsetOutOfRange
	case errors.Is(err, log.ErrProducerFenced):
		is = client.ErrFenced
	default:
		return fmt.Errorf("%s-%d: %w", tp.Topic, tp.Partition, err)
	}
	return fmt.Errorf("%w: %s-%d: %w", is, tp.Topic, tp.Partition, err)
}

// clientAppender appends to partitions of this node.
type clientAppender struct{ replicas *replica.Manager }

// Append implements client.Appender.
func (a clientAppender) Append(tp client.TopicPartition, batch []byte, done func(client.Ack)) {
	p, err := a.replicas.Partition(tp.Topic, tp.Partition)
	if err != nil {
		done(client.Ack{BaseOffset: -1, Err: clientError(tp, err)})
		return
	}
	opts := replica.AppendOptions{Acks: replica.AcksAll, Origin: log.FromClient}
	p.Append(batch, opts, func(r replica.Appended) {
		if r.Err != nil {
			done(client.Ack{BaseOffset: -1, Err: clientError(tp, r.Err)})
			return
		}
		done(client.Ack{BaseOffset: r.BaseOffset})
	})
}

// clientGroups asks the group coordinator of this node.
type clientGroups struct{ groups *group.Coordinator }

// stableRetry is the time between two looks whether a group's positions are stable.
const stableRetry = 5 * time.Millisecond

// Committed implements client.Groups.
func (g clientGroups) Committed(ctx context.Context, groupID string, requireStable bool) (map[client.TopicPartition]client.Committed, error) {
	for {
		offsets, code := g.fetch(ctx, groupID, requireStable)
		switch code {
		case coordinator.OK:
			return offsets, nil
		case coordinator.UnstableOffsetCommit, coordinator.LoadInProgress, coordinator.NotAvailable:
		default:
			return nil, fmt.Errorf("fetch positions of group %q: %w", groupID, code)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("fetch positions of group %q: %w: %w", groupID, code, ctx.Err())
		case <-time.After(stableRetry):
		}
	}
}

func (g clientGroups) fetch(ctx context.Context, groupID string, requireStable bool) (map[client.TopicPartition]client.Committed, coordinator.Code) {
	type answer struct {
		offsets []group.TopicOffset
		code    coordinator.Code
	}
	answers := make(chan answer, 1)
	g.groups.Fetch(groupID, nil, requireStable, func(code coordinator.Code, offsets []group.TopicOffset) {
		answers <- answer{offsets, code}
	})
	var a answer
	select {
	case a = <-answers:
	case <-ctx.Done():
		return nil, coordinator.RequestTimedOut
	}
	found := make(map[client.TopicPartition]client.Committed, len(a.offsets))
	for _, o := range a.offsets {
		if o.Code != coordinator.OK {
			return nil, o.Code
		}
		found[client.TopicPartition{Topic: o.Topic, Partition: o.Partition}] = client.Committed{
			Offset: o.Offset.Offset, LeaderEpoch: o.LeaderEpoch, Metadata: o.Metadata,
		}
	}
	return found, a.code
}

// DeleteGroup implements client.Groups.
func (g clientGroups) DeleteGroup(ctx context.Context, groupID string) error {
	for {
		codes := make(chan coordinator.Code, 1)
		g.groups.Delete(groupID, func(code coordinator.Code) { codes <- code })
		code := coordinator.RequestTimedOut
		select {
		case code = <-codes:
		case <-ctx.Done():
		}
		switch code {
		case coordinator.OK, coordinator.GroupIDNotFound:
			return nil
		case coordinator.UnstableOffsetCommit, coordinator.LoadInProgress, coordinator.NotAvailable:
		default:
			return fmt.Errorf("delete group %q: %w", groupID, code)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("delete group %q: %w: %w", groupID, code, ctx.Err())
		case <-time.After(stableRetry):
		}
	}
}

// clientTransactions is the coordinators' side of producers in this process.
type clientTransactions struct{ *coordinators }

// InitProducer implements client.Transactions.
func (t clientTransactions) InitProducer(ctx context.Context, id string, timeout time.Duration) (client.ProducerIdentity, error) {
	r := t.txns.InitProducerID(ctx, txn.InitRequest{
		ID: id, Timeout: timeout, Current: coordinator.Producer{ID: -1, Epoch: -1}, Wait: true,
	})
	if r.Code != coordinator.OK {
		return client.ProducerIdentity{}, r.Code
	}
	if err := t.txns.AbortHanging(ctx, r.Producer.ID, r.Producer.Epoch); err != nil {
		return client.ProducerIdentity{}, fmt.Errorf("abort what an earlier producer left open: %w", err)
	}
	return client.ProducerIdentity(r.Producer), nil
}

// Begin implements client.Transactions.
func (t clientTransactions) Begin(id string, p client.ProducerIdentity, partitions []client.TopicPartition, done func(error)) {
	t.txns.Begin(id, coordinator.Producer(p), txnTopicPartitions(partitions), func(code coordinator.Code) { done(codeError(code)) })
}

// End implements client.Transactions.
func (t clientTransactions) End(id string, p client.ProducerIdentity, commit bool, partitions []client.TopicPartition, decided, visible func(error)) {
	req := txn.EndRequest{ID: id, Producer: coordinator.Producer(p), Commit: commit, Partitions: txnTopicPartitions(partitions)}
	t.txns.End(req, txn.EndCallbacks{
		Decided: func(r txn.EndResponse) { decided(codeError(r.Code)) },
		Visible: visible,
	})
}

func txnTopicPartitions(partitions []client.TopicPartition) []txn.TopicPartition {
	list := make([]txn.TopicPartition, len(partitions))
	for i, tp := range partitions {
		list[i] = txn.TopicPartition(tp)
	}
	return list
}

// CommitOffsets implements client.Transactions.
func (t clientTransactions) CommitOffsets(member client.GroupMember, p *client.ProducerIdentity, offsets map[client.TopicPartition]client.Committed, done func(error)) {
	who := group.Committer{Group: member.Group, MemberID: member.MemberID, Generation: member.Generation}
	if member.MemberID == "" {
		who.Generation = -1
	}
	list := make([]group.TopicOffset, 0, len(offsets))
	for tp, o := range offsets {
		list = append(list, group.TopicOffset{Topic: tp.Topic, Partition: tp.Partition, Offset: group.Offset{
			Offset: o.Offset, LeaderEpoch: o.LeaderEpoch, Metadata: o.Metadata,
		}})
	}
	reply := func(answers []group.TopicOffset) {
		for _, a := range answers {
			if a.Code != coordinator.OK {
				done(fmt.Errorf("commit position of group %q in %s-%d: %w", member.Group, a.Topic, a.Partition, codeError(a.Code)))
				return
			}
		}
		done(nil)
	}
	if p == nil {
		t.groups.Commit(who, list, reply)
		return
	}
	if err := t.joined(member.Group, *p); err != nil {
		done(err)
		return
	}
	t.groups.CommitTxn(who, coordinator.Producer(*p), list, reply)
}

// joined tells the partition of a group's positions that a producer of this process has begun there: Begin was its word.
func (t clientTransactions) joined(groupID string, p client.ProducerIdentity) error {
	tp := t.OffsetsPartition(groupID)
	target, err := t.replicas.Partition(tp.Topic, tp.Partition)
	if err == nil {
		err = target.Joined(log.JoinRequest{ProducerID: p.ID, ProducerEpoch: p.Epoch, Sequence: -1})
	}
	return clientError(tp, err)
}

// OffsetsPartition implements client.Transactions.
func (t clientTransactions) OffsetsPartition(groupID string) client.TopicPartition {
	return client.TopicPartition{Topic: metadata.OffsetsTopic, Partition: t.groups.PartitionFor(groupID)}
}

// codeError gives a coordinator's answer as an error; those that mean a newer producer, or a newer owner of the group's
// partitions, are client.ErrFenced.
func codeError(code coordinator.Code) error {
	switch code {
	case coordinator.OK:
		return nil
	case coordinator.ProducerFenced, coordinator.InvalidProducerEpoch, coordinator.InvalidProducerID,
		coordinator.FencedInstanceID, coordinator.IllegalGeneration, coordinator.UnknownMemberID:
		return fmt.Errorf("%w: %w", client.ErrFenced, code)
	}
	return code
}
