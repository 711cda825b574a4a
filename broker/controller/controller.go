package controller

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/freshetdb/freshet/broker/metadata"
)

// Options of a Controller. The zero value is usable.
type Options struct {
	// NodeID is the broker whose configs count for new topics, Static what its node was started with.
	NodeID int32
	Static map[string]string
	// PartitionsMax bounds the partitions of the whole cluster (200,000).
	PartitionsMax int
	// ProducerIDBlock is how many producer ids a broker gets at once (1,000).
	ProducerIDBlock int64
}

const (
	defaultPartitionsMax   = 200_000
	defaultProducerIDBlock = 1_000
)

// Controller decides. It holds options and a source of topic ids, no state.
type Controller struct {
	opts  Options
	newID func() metadata.UUID
}

// New makes a controller; newID must return a fresh random id at every call.
func New(opts Options, newID func() metadata.UUID) *Controller {
	if opts.PartitionsMax <= 0 {
		opts.PartitionsMax = defaultPartitionsMax
	}
	if opts.ProducerIDBlock <= 0 {
		opts.ProducerIDBlock = defaultProducerIDBlock
	}
	return &Controller{opts: opts, newID: newID}
}

// configs are those of the broker that decides.
func (c *Controller) configs(img *metadata.Image) metadata.NodeConfigs {
	return img.NodeConfigs(c.opts.NodeID, c.opts.Static)
}

// Error is a refusal: Kafka's code and what is wrong.
type Error struct {
	Kafka   *kerr.Error
	Message string
}

// Error is the text for people.
func (e *Error) Error() string { return e.Message }

// Unwrap gives Kafka's error.
func (e *Error) Unwrap() error { return e.Kafka }

func refuse(code *kerr.Error, format string, args ...any) *Error {
	return &Error{Kafka: code, Message: fmt.Sprintf(format, args...)}
}

// Bootstrap returns the records of a cluster's first entry, or none when the cluster exists.
func (c *Controller) Bootstrap(img *metadata.Image, clusterID string) []metadata.Record {
	if img.ClusterID() != "" {
		return nil
	}
	return []metadata.Record{metadata.ClusterRecord{ClusterID: clusterID}}
}

// RegisterBroker returns the record that makes this start of a broker known, with an epoch above its last one.
func (c *Controller) RegisterBroker(img *metadata.Image, id int32, incarnation metadata.UUID, endpoints []metadata.Endpoint) []metadata.Record {
	epoch := int64(img.Version()) + 1
	if known := img.Broker(id); known != nil {
		epoch = max(epoch, known.Epoch+1)
	}
	return []metadata.Record{metadata.BrokerRecord{ID: id, Epoch: epoch, Incarnation: incarnation, Endpoints: endpoints}}
}

// AllocateProducerIDs hands the next block of producer ids [first, first+count) to a broker.
func (c *Controller) AllocateProducerIDs(img *metadata.Image, broker int32) (first, count int64, records []metadata.Record) {
	first = img.NextProducerID()
	var epoch int64
	if b := img.Broker(broker); b != nil {
		epoch = b.Epoch
	}
	next := first + c.opts.ProducerIDBlock
	return first, c.opts.ProducerIDBlock, []metadata.Record{
		metadata.ProducerIDBlockRecord{BrokerID: broker, BrokerEpoch: epoch, Next: next},
	}
}
