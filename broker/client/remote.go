package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// ErrTooOld says that a cluster lacks something the client cannot do without.
var ErrTooOld = errors.New("the cluster is too old")

// RemoteOptions say which cluster to use, and how. Seeds are needed; the rest has defaults.
type RemoteOptions struct {
	Seeds    []string    // HOST:PORT; one that answers is enough
	TLS      *tls.Config // nil: none
	SASL     *SASL       // nil: none
	ClientID string      // what the brokers call us in their metrics and quotas; "": freshet
	// Prefix begins the name of every topic, group and transactional id; the caller does not see it, nor any topic without it.
	Prefix string
	// Installation keeps our own names (they begin with _freshet) apart from those of another installation on the cluster:
	// _freshet_commands becomes _freshet-NAME_commands.
	Installation string
	// DialTimeout bounds the first contact; 0: 10 seconds.
	DialTimeout time.Duration
	// Patience bounds how long a call whose context has no deadline, or an append, is tried again; 0: 2 minutes.
	Patience time.Duration
	// BufferBytes bounds the memory of what was fetched ahead, over all partitions; 0: 64 MiB.
	BufferBytes int64
	// ExplicitTransactions uses the protocol of transactions from before KIP-890 although the cluster has the newer one.
	ExplicitTransactions bool
	Logger               *slog.Logger // nil: slog.Default
}

// SASL is how to log in.
type SASL struct {
	Mechanism      string // PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
	User, Password string
}

// Mechanisms are the SASL mechanisms Dial knows.
func Mechanisms() []string { return []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} }

func (s *SASL) mechanism() (sasl.Mechanism, error) {
	switch strings.ToUpper(s.Mechanism) {
	case "PLAIN":
		return plain.Auth{User: s.User, Pass: s.Password}.AsMechanism(), nil
	case "SCRAM-SHA-256":
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha512Mechanism(), nil
	}
	return nil, fmt.Errorf("SASL mechanism %q is none of %s", s.Mechanism, strings.Join(Mechanisms(), ", "))
}

const (
	defaultClientID    = "freshet"
	softwareName       = "freshet" // what brokers count clients by (KIP-511)
	softwareVersion    = "1"
	defaultDialTimeout = 10 * time.Second
	defaultPatience    = 2 * time.Minute
	defaultBufferBytes = 64 << 20
	connectTimeout     = 5 * time.Second // of one TCP connection
	probeTimeout       = 3 * time.Second // of one look at all seeds, when none answers
	answerGrace        = 10 * time.Second
	maxAnswerBytes     = 256 << 20
)

func (o RemoteOptions) withDefaults() RemoteOptions {
	if o.ClientID == "" {
		o.ClientID = defaultClientID
	}
	if o.DialTimeout <= 0 {
		o.DialTimeout = defaultDialTimeout
	}
	if o.Patience <= 0 {
		o.Patience = defaultPatience
	}
	if o.BufferBytes <= 0 {
		o.BufferBytes = defaultBufferBytes
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// Remote is the Client of a program that reaches the partitions by the Kafka protocol: those of another node, or of Apache Kafka.
//
// Requests go by kgo's connections, which come back by themselves; record batches pass untouched. What is read ahead is in feeds
// (remote_feed.go), what is written in a remoteProducer.
type Remote struct {
	opts   RemoteOptions
	log    *slog.Logger
	names  naming
	common []kgo.Opt   // of every kgo client
	cl     *kgo.Client // for everything but fetching ahead and producing
	abort  context.CancelFunc
	life   context.Context //nolint:containedctx // the parent of background work, ended by Close

	clusterID string
	// implicit tells that the cluster adds partitions to a transaction by the append itself and gives every transaction an epoch
	// of its own (KIP-890, transaction.version 2).
	implicit bool

	routes routes
	feeds  feeds

	mu        sync.Mutex // guards: closed, producers
	closed    bool
	producers map[*remoteProducer]struct{}
}

var _ Client = (*Remote)(nil)

// Dial connects to a cluster and looks whether it will do. Errors: ErrTooOld; SASL's and TLS' own; that nobody answers.
func Dial(ctx context.Context, opts RemoteOptions) (*Remote, error) {
	opts = opts.withDefaults()
	if len(opts.Seeds) == 0 {
		return nil, errors.New("no bootstrap servers are given")
	}
	r := &Remote{
		opts: opts, log: opts.Logger.With("component", "remote-log"), names: naming{prefix: opts.Prefix, installation: opts.Installation},
		producers: map[*remoteProducer]struct{}{},
	}
	r.common = []kgo.Opt{
		kgo.SeedBrokers(opts.Seeds...), kgo.ClientID(opts.ClientID), kgo.SoftwareNameAndVersion(softwareName, softwareVersion),
		kgo.DialTimeout(connectTimeout), kgo.RequestTimeoutOverhead(answerGrace), kgo.BrokerMaxReadBytes(maxAnswerBytes),
		kgo.DisableClientMetrics(),
	}
	if opts.TLS != nil {
		r.common = append(r.common, kgo.DialTLSConfig(opts.TLS))
	}
	if opts.SASL != nil {
		m, err := opts.SASL.mechanism()
		if err != nil {
			return nil, err
		}
		r.common = append(r.common, kgo.SASL(m))
	}
	if err := r.probe(ctx); err != nil {
		return nil, fmt.Errorf("use the cluster at %s: %w", strings.Join(opts.Seeds, ","), err)
	}
	var err error
	if r.cl, err = r.connection(); err != nil {
		return nil, err
	}
	r.life, r.abort = context.WithCancel(context.WithoutCancel(ctx))
	r.routes.topics = map[string]*route{}
	r.feeds.open(r)
	return r, nil
}

// connection makes a kgo client: a connection of its own to each broker it talks to.
func (r *Remote) connection(more ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append(append([]kgo.Opt{kgo.MaxVersions(r.versions())}, r.common...), more...)...)
}

// Keys of requests whose versions matter here.
const (
	keyProduce              = 0
	keyFetch                = 1
	keyMetadata             = 3
	keyOffsetCommit         = 8
	keyOffsetFetch          = 9
	keyInitProducerID       = 22
	keyAddPartitionsToTxn   = 24
	keyEndTxn               = 26
	keyTxnOffsetCommit      = 28
	keyDescribeTransactions = 65
)

// versions are the newest versions to use: topics go by name, and the old way of transactions where the cluster has no other.
func (r *Remote) versions() *kversion.Versions {
	v := kversion.Stable()
	v.SetMaxKeyVersion(keyProduce, 12)
	v.SetMaxKeyVersion(keyFetch, 12)
	v.SetMaxKeyVersion(keyOffsetCommit, 9)
	v.SetMaxKeyVersion(keyOffsetFetch, 9)
	v.SetMaxKeyVersion(keyAddPartitionsToTxn, 3) // newer ones are between brokers
	v.SetMaxKeyVersion(keyInitProducerID, 5)     // the next has two-phase commit, which nobody here asks for
	if !r.implicit {
		v.SetMaxKeyVersion(keyProduce, 11)
		v.SetMaxKeyVersion(keyEndTxn, 4)
		v.SetMaxKeyVersion(keyTxnOffsetCommit, 4)
	}
	return v
}

// needed are the versions the client cannot do without, and the Kafka that brought them.
var needed = []struct {
	key     int16
	version int16
	since   string
}{
	{keyProduce, 7, "2.1"},
	{keyFetch, 11, "2.3"},
	{keyMetadata, 10, "2.8"},       // topic ids
	{keyOffsetFetch, 7, "2.5"},     // requireStable (KIP-447)
	{keyInitProducerID, 3, "2.5"},  // a producer's own next epoch (KIP-360)
	{keyTxnOffsetCommit, 3, "2.5"}, // KIP-447
	{keyDescribeTransactions, 0, "3.0"},
}

// featureTransactions is the finalized feature that says how transactions work; implicitVersion has KIP-890's second part.
const (
	featureTransactions = "transaction.version"
	implicitVersion     = 2
)

// probe asks seeds what they can do, one after the other until one answers, by a connection that is closed again.
func (r *Remote) probe(ctx context.Context) error {
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.RequestRetries(0)}, r.common...)...)
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, r.opts.DialTimeout)
	defer cancel()
	for {
		err := r.askAll(ctx, cl.SeedBrokers())
		switch {
		case err == nil, errors.Is(err, ErrTooOld):
			return err
		case refusal(err):
			return fmt.Errorf("it refuses us: %w", err)
		case !pause(ctx, retryPause):
			return fmt.Errorf("nobody answers: %w", err)
		}
	}
}

// ability is what a broker says of its cluster.
type ability struct {
	clusterID string
	implicit  bool // see Remote.implicit
}

// askAll asks all seeds at once and takes the first that answers: one that is starting may take a connection and say nothing.
func (r *Remote) askAll(ctx context.Context, seeds []*kgo.Broker) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	type answer struct {
		ability
		err error
	}
	answers := make(chan answer, len(seeds))
	for _, seed := range seeds {
		go func() {
			a, err := r.ask(ctx, seed)
			answers <- answer{a, err}
		}()
	}
	var (
		failed error
		found  bool
	)
	for range seeds { // all of them, so that nothing runs on
		a := <-answers
		switch {
		case found:
		case a.err == nil:
			found, r.clusterID, r.implicit = true, a.clusterID, a.implicit
			cancel()
		case failed == nil || refusal(a.err) || errors.Is(a.err, ErrTooOld):
			failed = a.err
		}
	}
	if found {
		return nil
	}
	return failed
}

// ask learns from one broker what the cluster can do and what it is called.
func (r *Remote) ask(ctx context.Context, seed *kgo.Broker) (a ability, err error) {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = softwareName, softwareVersion
	able, err := answerOf[*kmsg.ApiVersionsResponse](seed.Request(ctx, req))
	if err == nil {
		err = kerr.ErrorForCode(able.ErrorCode)
	}
	if err != nil {
		return a, err
	}
	if a.implicit, err = r.judge(able); err != nil {
		return a, err
	}
	meta := kmsg.NewPtrMetadataRequest()
	meta.Topics = []kmsg.MetadataRequestTopic{}
	known, err := answerOf[*kmsg.MetadataResponse](seed.Request(ctx, meta))
	if err != nil {
		return a, fmt.Errorf("ask for its brokers: %w", err)
	}
	if known.ClusterID != nil {
		a.clusterID = *known.ClusterID
	}
	return a, nil
}

// judge looks whether what a broker can do is enough, and whether that has KIP-890's transactions.
func (r *Remote) judge(resp *kmsg.ApiVersionsResponse) (implicit bool, err error) {
	newest := map[int16]int16{}
	for _, k := range resp.ApiKeys {
		newest[k.ApiKey] = k.MaxVersion
	}
	for _, n := range needed {
		if v, ok := newest[n.key]; !ok || v < n.version {
			return false, fmt.Errorf("%w: it must speak %s v%d, as Apache Kafka does since %s", ErrTooOld, kmsg.NameForKey(n.key), n.version, n.since)
		}
	}
	for _, f := range resp.FinalizedFeatures {
		if f.Name == featureTransactions && f.MaxVersionLevel >= implicitVersion && !r.opts.ExplicitTransactions {
			implicit = newest[keyProduce] >= 12 && newest[keyEndTxn] >= 5 && newest[keyTxnOffsetCommit] >= 5
		}
	}
	return implicit, nil
}

// refusal tells whether an error will not go away by trying again: who we are is not accepted.
func refusal(err error) bool {
	return errors.Is(err, kerr.SaslAuthenticationFailed) || errors.Is(err, kerr.UnsupportedSaslMechanism) ||
		errors.Is(err, kerr.ClusterAuthorizationFailed) || errors.Is(err, kerr.IllegalSaslState) ||
		isCertificateError(err)
}

func isCertificateError(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

// ClusterID is the cluster's name for itself; "" when it has none.
func (r *Remote) ClusterID() string { return r.clusterID }

// check says whether the client is open.
func (r *Remote) check() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return ErrClosed
	}
	return nil
}

// Close implements Client: producers are closed, aborting what they have open, and connections.
func (r *Remote) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	open := make([]*remoteProducer, 0, len(r.producers))
	for p := range r.producers {
		open = append(open, p)
	}
	r.mu.Unlock()
	errs := make([]error, 0, len(open))
	for _, p := range open {
		errs = append(errs, p.Close())
	}
	r.abort()
	r.feeds.close()
	r.cl.Close()
	return errors.Join(errs...)
}

// patient bounds a call by the client's patience, when its context has no deadline.
func (r *Remote) patient(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, r.opts.Patience)
}

const (
	// retryPause is the time between two attempts, answers that only need a moment come sooner.
	retryPause = 100 * time.Millisecond
	soonPause  = 5 * time.Millisecond
)

// pause waits; false when ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// codeErr is an answer's error code as an error, with the client's own in front; nil for none.
func codeErr(code int16) error {
	err := kerr.ErrorForCode(code)
	var is error
	switch {
	case err == nil:
		return nil
	case isAny(err, kerr.UnknownTopicOrPartition, kerr.UnknownTopicID):
		is = ErrUnknownTopic
	case isAny(err, kerr.OffsetOutOfRange):
		is = ErrOffsetOutOfRange
	case isAny(err, kerr.TopicAlreadyExists):
		is = ErrTopicExists
	case isAny(err, kerr.InvalidConfig, kerr.InvalidTopicException, kerr.InvalidPartitions, kerr.InvalidReplicationFactor, kerr.PolicyViolation):
		is = ErrInvalidConfig
	case isAny(err, kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.InvalidProducerIDMapping, kerr.FencedInstanceID, kerr.IllegalGeneration,
		kerr.UnknownMemberID, kerr.TransactionalIDNotFound):
		is = ErrFenced
	case isAny(err, kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed):
		is = ErrNotAllowed
	default:
		return err
	}
	return fmt.Errorf("%w: %w", is, err)
}

// said is an answer's error with the broker's own words, when it sent some.
func said(code int16, message *string) error {
	err := codeErr(code)
	if err == nil || message == nil || *message == "" {
		return err
	}
	return fmt.Errorf("%w (%s)", err, *message)
}
