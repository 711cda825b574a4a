package broker

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/handler"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/quorum"
	"github.com/freshetdb/freshet/broker/quota"
	"github.com/freshetdb/freshet/broker/replica"
	"github.com/freshetdb/freshet/broker/wire"
	"github.com/freshetdb/freshet/storage/log"
	"github.com/freshetdb/freshet/storage/vfs"
)

// Options of a Broker. The zero value is usable but for DataDir.
type Options struct {
	// FS is the operating system's unless set.
	FS vfs.FS
	// DataDir is where everything lies; it is made when missing.
	DataDir string
	// Listen is where the listener binds ("127.0.0.1:9092"); port 0 takes a free one.
	Listen []string
	// Listeners, when given, are served instead; Close closes them.
	Listeners []net.Listener
	// NoListener serves no sockets at all: the broker is used through Client alone.
	NoListener bool
	// Advertised is the address clients of the listeners above are told, "" for the one each of them reached.
	Advertised string
	// Secure are further listeners, with TLS, SASL or both.
	Secure []SecureListener
	// Admin is a user that exists from the start.
	Admin Admin
	// NodeID is this broker's number (1).
	NodeID int32
	// NumPartitions is the partition count of topics that don't say (1).
	NumPartitions int32
	// InternalPartitions is that of __consumer_offsets and __transaction_state when the cluster is made (the configs' default, 16).
	InternalPartitions int32
	// NoAutoCreate refuses topics that were not created.
	NoAutoCreate bool
	// RetentionInterval is the time between two looks for old segments (30 seconds).
	RetentionInterval time.Duration
	// Configs are broker configs of this start, by Kafka's names (docs/reference/kafka-configs.md); they win over the fields above.
	Configs map[string]string
	// Coordinators are the settings of groups and transactions.
	Coordinators CoordinatorOptions
	// Wire are the listener's limits.
	Wire wire.Options
	// Clock is time.Now unless set.
	Clock func() time.Time
	// Registerer takes the metrics; nil registers none.
	Registerer prometheus.Registerer
	// Logger is slog.Default unless set.
	Logger *slog.Logger
}

const (
	defaultNodeID = 1
	defaultListen = "127.0.0.1:9092"
	dirMetadata   = "metadata"
	dirTopics     = "topics"
	dirMode       = 0o755
)

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default()
	}
	if o.NodeID == 0 {
		o.NodeID = defaultNodeID
	}
	if len(o.Listen) == 0 && len(o.Listeners) == 0 && !o.NoListener {
		o.Listen = []string{defaultListen}
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// Broker is a running broker.
type Broker struct {
	opts       Options
	log        *slog.Logger
	topicsDir  string
	listeners  []net.Listener
	quorum     *quorum.Quorum
	controller *controller.Controller
	replicas   *replica.Manager
	parts      *coordinators
	static     map[string]string // broker configs of this start
	quotas     *quota.Manager
	listener   *wire.Listener
	access     access

	stopServing   context.CancelFunc
	serving       sync.WaitGroup
	stopReplicas  context.CancelFunc
	stopRecovery  context.CancelFunc
	stopWarming   context.CancelFunc
	running       sync.WaitGroup
	closeOnce     sync.Once
	closeErr      error
	backgroundErr chan error
}

// Start brings a broker up; when it returns the broker serves. ctx bounds the start only.
func Start(ctx context.Context, opts Options) (*Broker, error) {
	opts = opts.withDefaults()
	if err := errors.Join(CheckConfigs(opts.Configs), checkListeners(&opts)); err != nil {
		return nil, err
	}
	b := &Broker{
		opts: opts, log: opts.Logger, topicsDir: opts.FS.PathJoin(opts.DataDir, dirTopics),
		backgroundErr: make(chan error, 1), quotas: quota.New(opts.Clock),
	}
	for _, step := range []func(context.Context) error{b.bind, b.openMetadata, b.checkIdentity, b.openReplicas, b.join, b.writeIdentity, b.openAccess, b.openCoordinators, b.serve} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, b.Close()) //nolint:contextcheck // what runs already must end, though ctx be over
		}
	}
	b.log.Info("broker started", "node_id", opts.NodeID, "cluster_id", b.quorum.Image().ClusterID(), "addrs", fmt.Sprint(b.Addrs()),
		"topics", b.quorum.Image().TopicCount(), "partitions", b.quorum.Image().PartitionCount())
	return b, nil
}

// Addr is the first listener's address.
func (b *Broker) Addr() net.Addr { return b.listeners[0].Addr() }

// Addrs are all listeners' addresses.
func (b *Broker) Addrs() []net.Addr {
	var out []net.Addr
	for _, s := range b.sockets() {
		out = append(out, s.Addr())
	}
	return out
}

// ClusterID is the cluster's name.
func (b *Broker) ClusterID() string { return b.quorum.Image().ClusterID() }

// Failed gets an error when a part that must run for ever has ended; the broker should be closed then.
func (b *Broker) Failed() <-chan error { return b.backgroundErr }

// bind takes the ports first: nothing is touched when one is in use.
func (b *Broker) bind(ctx context.Context) error {
	b.listeners = b.opts.Listeners
	if len(b.listeners) > 0 {
		return nil
	}
	var lc net.ListenConfig
	for _, addr := range b.opts.Listen {
		ln, err := lc.Listen(ctx, "tcp", addr)
		if err != nil {
			return fmt.Errorf("listen for kafka clients: %w", err)
		}
		b.listeners = append(b.listeners, ln)
	}
	return nil
}

func (b *Broker) openMetadata(ctx context.Context) error {
	dir := b.opts.FS.PathJoin(b.opts.DataDir, dirMetadata)
	for _, d := range []string{b.opts.DataDir, dir, b.topicsDir} {
		if err := vfs.MkdirAll(b.opts.FS, d, dirMode); err != nil {
			return err
		}
	}
	b.static = b.staticConfigs()
	b.controller = controller.New(controller.Options{NodeID: b.opts.NodeID, Static: b.static}, newID)
	var err error
	b.quorum, err = quorum.Open(ctx, quorum.Options{NodeID: b.opts.NodeID, FS: b.opts.FS, Dir: dir}, b.log)
	return err
}

// newID makes a random topic id. Kafka's tools take a leading '-' for a flag and the zero id for none.
func newID() metadata.UUID {
	for {
		var id metadata.UUID
		rand.Read(id[:])
		if !id.IsZero() && id.String()[0] != '-' {
			return id
		}
	}
}

func (b *Broker) openReplicas(starting context.Context) error {
	clean, _, err := log.TakeCleanShutdown(b.opts.FS, b.topicsDir)
	if err != nil {
		return err
	}
	configs := b.configs(b.quorum.Image())
	b.replicas, err = replica.NewManager(replica.Options{
		Cleaner: cleanerOptions(configs),
		NodeID:  b.opts.NodeID, FS: b.opts.FS, Dir: b.topicsDir, Clock: b.opts.Clock,
		RetentionInterval: cmp.Or(b.opts.RetentionInterval, b.configs(b.quorum.Image()).Millis(metadata.ConfigRetentionCheckMs)), StaticConfigs: b.static, Clean: clean, Registerer: b.opts.Registerer,
	}, b.log)
	if err != nil {
		return err
	}
	b.quorum.Subscribe(b.replicas.ApplyImage)
	ctx, stop := context.WithCancel(context.WithoutCancel(starting))
	b.stopReplicas = stop
	b.background(ctx, "replicas", b.replicas.Run)
	return nil
}

// background runs a part until ctx ends; an end before that is told by Failed.
func (b *Broker) background(ctx context.Context, name string, run func(context.Context) error) {
	b.running.Go(func() {
		err := run(ctx)
		if ctx.Err() != nil {
			return
		}
		b.log.Error("part of the broker ended", "part", name, "err", err)
		select {
		case b.backgroundErr <- fmt.Errorf("%s ended: %w", name, err):
		default:
		}
	})
}

// join makes the cluster when there is none, registers this broker and makes the internal topics, all in one entry.
func (b *Broker) join(ctx context.Context) error {
	clusterID, incarnation := newID().String(), newID()
	_, err := b.quorum.Change(ctx, func(img *metadata.Image) ([]metadata.Record, error) {
		records := b.controller.Bootstrap(img, clusterID)
		records = append(records, b.controller.RegisterBroker(img, b.opts.NodeID, incarnation, b.endpoints())...)
		joined, _, err := metadata.Replay(img, img.Version(), records)
		if err != nil {
			return nil, err
		}
		answers, topics := b.controller.CreateTopics(joined, b.internalTopics(img))
		for _, a := range answers {
			if a.Err != nil {
				return nil, a.Err
			}
		}
		return append(records, topics...), nil
	})
	if err != nil {
		return fmt.Errorf("join the cluster: %w", err)
	}
	return nil
}

// internalTopics are those still missing.
func (b *Broker) internalTopics(img *metadata.Image) []controller.NewTopic {
	var out []controller.NewTopic
	for _, topic := range [...]struct{ name, size string }{
		{metadata.OffsetsTopic, metadata.ConfigOffsetsPartitions}, {metadata.TransactionsTopic, metadata.ConfigTransactionPartitions},
	} {
		if img.Topic(topic.name) == nil {
			out = append(out, controller.NewTopic{
				Name: topic.name, Partitions: int32(b.configs(img).Int(topic.size)), ReplicationFactor: -1, System: true,
				Configs: map[string]string{metadata.ConfigCleanupPolicy: "compact", metadata.ConfigSegmentBytes: internalSegmentBytes},
			})
		}
	}
	return out
}

// internalSegmentBytes is Kafka's segment size of internal topics, 100 MiB.
const internalSegmentBytes = "104857600"

func (b *Broker) serve(starting context.Context) error {
	warming, stopWarming := context.WithCancel(context.WithoutCancel(starting))
	b.stopWarming = stopWarming
	b.running.Go(func() { b.replicas.Warm(warming) })
	h := handler.New(handler.Deps{
		NodeID: b.opts.NodeID, Quorum: b.quorum, Controller: b.controller, Replicas: b.replicas,
		Authorizer: b.access.authorizer, StaticConfigs: b.static, DataDir: b.topicsDir, DiskUsage: b.diskUsage,
		Clock: b.opts.Clock, Logger: b.log, Coordinators: b.parts.handlers(),
		Quotas: b.quotas, FetchSessions: cmp.Or(int(b.configs(b.quorum.Image()).Int(metadata.ConfigFetchSessions)), -1),
		FetchBytesMax: int(b.configs(b.quorum.Image()).Int(metadata.ConfigFetchBytesMax)),
	})
	b.listener = wire.New(b.wireOptions(), h.Versions(), b.opts.Registerer, b.log)
	b.quorum.Subscribe(b.quotas.ApplyImage)
	b.quorum.Subscribe(b.applyConfigs)
	ctx, stop := context.WithCancel(context.WithoutCancel(starting))
	b.stopServing = stop
	b.serveSockets(ctx, b.listener)
	return nil
}

// Close drains the connections, stops the coordinators, closes the partitions durably and stops the quorum. It is idempotent.
func (b *Broker) Close() error {
	b.closeOnce.Do(func() { b.closeErr = b.close() })
	return b.closeErr
}

func (b *Broker) close() error {
	var errs []error
	if b.stopServing != nil {
		b.stopServing()
	}
	b.serving.Wait()
	b.closeSockets()
	for _, stop := range []context.CancelFunc{b.stopRecovery, b.stopWarming} {
		if stop != nil {
			stop()
		}
	}
	if b.parts != nil {
		errs = append(errs, b.parts.close())
	}
	if b.replicas != nil {
		clean, err := b.replicas.Close()
		if b.stopReplicas != nil {
			b.stopReplicas()
		}
		b.running.Wait()
		if clean && err == nil {
			err = log.WriteCleanShutdown(b.opts.FS, b.topicsDir, b.epoch())
		}
		errs = append(errs, err)
	}
	if b.quorum != nil {
		errs = append(errs, b.quorum.Close())
	}
	return errors.Join(errs...)
}

// epoch is this broker's registration epoch, -1 before it joined.
func (b *Broker) epoch() int64 {
	if known := b.quorum.Image().Broker(b.opts.NodeID); known != nil {
		return known.Epoch
	}
	return -1
}
