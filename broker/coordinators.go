package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/group"
	"github.com/freshetdb/freshet/broker/handler"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/replica"
	"github.com/freshetdb/freshet/broker/txn"
	"github.com/freshetdb/freshet/storage/log"
	"github.com/freshetdb/freshet/storage/record"
)

// changer is what the coordinators and the client need of the metadata quorum.
type changer interface {
	Image() *metadata.Image
	Change(ctx context.Context, decide func(*metadata.Image) ([]metadata.Record, error)) (*metadata.Image, error)
}

// CoordinatorOptions are the settings of group and transaction coordinators. The zero value gets the defaults.
type CoordinatorOptions struct {
	Groups       group.Options
	Transactions txn.Options
	Shards       coordinator.Options
}

// coordinators are the parts that live on internal topics, and the client of this process, which needs them.
type coordinators struct {
	nodeID   int32
	quorum   changer
	control  *controller.Controller
	replicas *replica.Manager
	groups   *group.Coordinator
	txns     *txn.Coordinator
	client   *client.Embedded
}

// openCoordinators brings up the coordinators of the partitions this node leads.
func (b *Broker) openCoordinators(starting context.Context) error {
	opts := b.opts.Coordinators
	opts.Groups = groupOptions(opts.Groups, b.configs(b.quorum.Image()))
	c, err := newCoordinators(opts, b.opts.NodeID, b.quorum, b.controller, b.replicas, b.opts.Registerer, b.log)
	if err != nil {
		return err
	}
	b.parts = c
	b.quorum.Subscribe(c.apply)
	ctx, stop := context.WithCancel(context.WithoutCancel(starting))
	b.stopRecovery = stop
	b.running.Go(func() {
		if err := c.recover(ctx); err != nil && ctx.Err() == nil {
			b.log.Error("transactions of a former life are still open", "err", err)
		}
	})
	return nil
}

// Client is the client of programs in this process; Close closes it.
func (b *Broker) Client() client.Client { return b.parts.client }

// newCoordinators makes coordinators that lead nothing yet: apply elects them. The internal topics must exist.
func newCoordinators(opts CoordinatorOptions, nodeID int32, quorum changer, control *controller.Controller, replicas *replica.Manager, reg prometheus.Registerer, logger *slog.Logger) (*coordinators, error) {
	c := &coordinators{nodeID: nodeID, quorum: quorum, control: control, replicas: replicas}
	sizes := map[string]int32{}
	for _, name := range []string{metadata.OffsetsTopic, metadata.TransactionsTopic} {
		t := quorum.Image().Topic(name)
		if t == nil {
			return nil, fmt.Errorf("internal topic %q does not exist", name)
		}
		sizes[name] = int32(len(t.Partitions))
	}
	c.groups = group.NewCoordinator(opts.Groups, opts.Shards, sizes[metadata.OffsetsTopic], groupDeps(quorum),
		topicLog{replicas, metadata.OffsetsTopic}, reg, logger.With("component", "group_coordinator"))
	c.txns = txn.NewCoordinator(opts.Transactions, opts.Shards, sizes[metadata.TransactionsTopic], txn.Deps{
		Log:        topicLog{replicas, metadata.TransactionsTopic},
		Partitions: txnPartitions{replicas},
		Blocks:     c,
		Ended:      c.ended,
		Registerer: reg,
		Logger:     logger.With("component", "transaction_coordinator"),
	})
	c.client = newClient(c)
	return c, nil
}

// groupDeps is what groups see of the metadata.
func groupDeps(quorum changer) group.Deps {
	return group.Deps{
		Topics: func() group.Topics { return quorum.Image() },
		Configs: func(name string) map[string]string {
			return quorum.Image().Configs(metadata.Resource{Type: metadata.ResourceGroup, Name: name})
		},
	}
}

// handlers is what the request handlers need of them.
func (c *coordinators) handlers() handler.Coordinators {
	return handler.Coordinators{Groups: c.groups, Transactions: c.txns}
}

// apply elects and dismisses the coordinators by the leaders of the internal topics, and lets groups forget deleted topics.
func (c *coordinators) apply(_ *metadata.Image, delta *metadata.Delta) {
	for _, change := range delta.Topics {
		switch {
		case change.After == nil && change.Before != nil:
			c.groups.DropTopic(change.Before.Name)
		case change.After != nil && change.After.Name == metadata.OffsetsTopic:
			c.elect(change.After, c.groups)
		case change.After != nil && change.After.Name == metadata.TransactionsTopic:
			c.elect(change.After, c.txns)
		}
	}
}

func (c *coordinators) elect(t *metadata.Topic, shards interface {
	Elect(partition, leaderEpoch int32)
	Resign(partition int32)
},
) {
	for i, p := range t.Partitions {
		if p.Leader == c.nodeID {
			shards.Elect(int32(i), p.LeaderEpoch)
		} else {
			shards.Resign(int32(i))
		}
	}
}

// recover ends what transactions of a former life of this process left open. Readers of those partitions do not get past
// them before.
func (c *coordinators) recover(ctx context.Context) error {
	if err := c.txns.AbortHanging(ctx, -1, -1); err != nil {
		return fmt.Errorf("abort transactions left open: %w", err)
	}
	return nil
}

// close closes the client, answers everything that waits, and waits for the shards.
func (c *coordinators) close() error {
	err := c.client.Close()
	c.txns.Close()
	c.groups.Close()
	return err
}

// ended lets the group coordinator take over the positions of an ended transaction before the transaction counts as ended.
func (c *coordinators) ended(m txn.Marker, done func()) {
	if m.Topic != metadata.OffsetsTopic {
		done()
		return
	}
	c.groups.EndTxn(m.Partition, m.Producer.ID, m.Commit, done)
}

// AllocateProducerIDs implements txn.Blocks.
func (c *coordinators) AllocateProducerIDs(ctx context.Context) (first int64, count int32, err error) {
	_, err = c.quorum.Change(ctx, func(img *metadata.Image) ([]metadata.Record, error) {
		var n int64
		var records []metadata.Record
		first, n, records = c.control.AllocateProducerIDs(img, c.nodeID)
		count = int32(n)
		return records, nil
	})
	return first, count, err
}

// topicLog is an internal topic as its coordinators see it.
type topicLog struct {
	replicas *replica.Manager
	topic    string
}

// Append implements coordinator.Log.
func (l topicLog) Append(partition int32, batch []byte, done func(err error)) {
	p, err := l.replicas.Partition(l.topic, partition)
	if err != nil {
		done(coordinatorCode(err))
		return
	}
	opts := replica.AppendOptions{Acks: replica.AcksAll, Origin: log.FromCoordinator, RequireJoin: record.Batch(batch).Transactional()}
	p.Append(batch, opts, func(a replica.Appended) {
		done(coordinatorCode(a.Err))
	})
}

// Read implements coordinator.Log.
func (l topicLog) Read(partition int32, offset int64, maxBytes int) (batches []byte, release func(), err error) {
	p, err := l.replicas.Partition(l.topic, partition)
	if err != nil {
		return nil, nil, err
	}
	r, err := p.Read(offset, maxBytes, true, replica.ReadUncommitted)
	if err != nil || r.Span.Bytes == nil {
		return nil, nil, err
	}
	return r.Span.Bytes, r.Span.Release, nil
}

// Bounds implements coordinator.Log.
func (l topicLog) Bounds(partition int32) (coordinator.Bounds, error) {
	p, err := l.replicas.Partition(l.topic, partition)
	if err != nil {
		return coordinator.Bounds{}, err
	}
	b, err := p.Bounds()
	return coordinator.Bounds(b), err
}

// Trim implements coordinator.Log.
func (l topicLog) Trim(partition int32, before int64) error {
	p, err := l.replicas.Partition(l.topic, partition)
	if err != nil {
		return err
	}
	_, err = p.DeleteRecords(before)
	return err
}

// coordinatorCode translates what a partition says into what a coordinator answers.
func coordinatorCode(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, replica.ErrNotLeader):
		return coordinator.NotCoordinator
	case errors.Is(err, replica.ErrUnknownPartition), errors.Is(err, replica.ErrNotEnoughReplicas):
		return coordinator.NotAvailable
	case errors.Is(err, replica.ErrTimedOut):
		return coordinator.RequestTimedOut
	case errors.Is(err, record.ErrTooLarge):
		return coordinator.RecordTooLarge
	case errors.Is(err, log.ErrProducerFenced):
		return coordinator.InvalidProducerEpoch
	case errors.Is(err, log.ErrInvalidTxnState):
		return coordinator.InvalidTxnState
	}
	return errors.Join(coordinator.StorageError, err)
}

// txnPartitions are the partitions as the transaction coordinator sees them.
type txnPartitions struct{ replicas *replica.Manager }

// AppendMarker implements txn.Partitions.
func (t txnPartitions) AppendMarker(m txn.Marker, batch record.Batch, done func(err error)) {
	p, err := t.replicas.Partition(m.Topic, m.Partition)
	if err != nil {
		done(markerError(err))
		return
	}
	opts := replica.AppendOptions{Acks: replica.AcksAll, Origin: log.FromCoordinator, EpochBumped: m.EpochBumped}
	p.Append(batch, opts, func(a replica.Appended) {
		done(markerError(a.Err))
	})
}

func markerError(err error) error {
	switch {
	case errors.Is(err, replica.ErrUnknownPartition):
		return errors.Join(txn.ErrGone, err)
	case errors.Is(err, log.ErrProducerFenced), errors.Is(err, log.ErrCoordinatorFenced):
		return errors.Join(txn.ErrStale, err)
	}
	return err
}

// OpenTransactions implements txn.Partitions.
func (t txnPartitions) OpenTransactions(ctx context.Context, producerID int64) ([]txn.Open, error) {
	found, err := t.replicas.OpenTransactions(ctx, producerID)
	if err != nil {
		return nil, err
	}
	open := make([]txn.Open, len(found))
	for i, f := range found {
		open[i] = txn.Open{
			TopicPartition:   txn.TopicPartition(f.TopicPartition),
			Producer:         coordinator.Producer{ID: f.ProducerID, Epoch: f.ProducerEpoch},
			CoordinatorEpoch: f.CoordinatorEpoch,
			FirstOffset:      f.FirstOffset,
		}
	}
	return open, nil
}
