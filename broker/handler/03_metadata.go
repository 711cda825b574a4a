package handler

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

const (
	// metadataAllByNull is the first version in which null asks for all topics; before, an empty list did.
	metadataAllByNull = 1
	// metadataAutoCreateFlag is the first version whose clients say whether a topic may be made.
	metadataAutoCreateFlag = 4
	// metadataTopicIDs is the first version that may name a topic by its id, and leave its name null.
	metadataTopicIDs = 12
	// noOperations stands for authorised operations that weren't asked for.
	noOperations = math.MinInt32
	// autoCreateTimeout bounds the making of topics a client asked for.
	autoCreateTimeout = 5 * time.Second
)

// metadata describes the cluster and topics, making missing ones when both sides allow it.
func (h *Handler) metadata(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.MetadataRequest)
	if in.Version < metadataTopicIDs && slices.ContainsFunc(in.Topics, namedByID) {
		req.Reply(refuseTopicIDs(in))
		return
	}
	img := h.Quorum.Image()
	resp := kmsg.NewPtrMetadataResponse()
	cluster := img.ClusterID()
	resp.ClusterID, resp.ControllerID = &cluster, h.NodeID
	resp.AuthorizedOperations = h.clusterOperations(req, in.IncludeClusterAuthorizedOperations)
	for _, b := range img.Brokers() {
		broker := kmsg.NewMetadataResponseBroker()
		broker.NodeID = b.ID
		broker.Host, broker.Port = h.brokerAddress(req.Conn, b)
		resp.Brokers = append(resp.Brokers, broker)
	}
	if in.Topics == nil || (len(in.Topics) == 0 && in.Version < metadataAllByNull) {
		for _, t := range img.SortedTopics() {
			if h.mayQuietly(req, auth.OpDescribe, auth.ResourceTopic, t.Name) {
				resp.Topics = append(resp.Topics, h.describeTopic(req, in, t))
			}
		}
	} else {
		if h.autoCreates(img, in) {
			img = h.autoCreate(ctx, req, img, in.Topics)
		}
		seen := make(map[topicKey]bool, len(in.Topics))
		for i := range in.Topics {
			if asked := &in.Topics[i]; !seen[keyOfTopic(asked)] && (asked.Topic != nil || asked.TopicID != [16]byte{}) {
				seen[keyOfTopic(asked)] = true
				resp.Topics = append(resp.Topics, h.metadataTopic(req, img, asked))
			}
		}
	}
	req.Reply(resp)
}

func namedByID(asked kmsg.MetadataRequestTopic) bool {
	return asked.Topic == nil || asked.TopicID != [16]byte{}
}

// refuseTopicIDs answers a request whose version has a field for topic ids but, as in Kafka, no meaning for them.
func refuseTopicIDs(in *kmsg.MetadataRequest) *kmsg.MetadataResponse {
	resp := kmsg.NewPtrMetadataResponse()
	for i := range in.Topics {
		out := missingTopic(&in.Topics[i])
		out.IsInternal, out.ErrorCode = false, kerr.InvalidRequest.Code
		if out.Topic == nil {
			out.Topic = new("")
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}

// topicKey tells topics asked for from each other: each is answered once.
type topicKey struct {
	name string
	id   [16]byte
}

func keyOfTopic(asked *kmsg.MetadataRequestTopic) topicKey {
	if asked.Topic != nil && asked.TopicID == [16]byte{} {
		return topicKey{name: *asked.Topic}
	}
	return topicKey{id: asked.TopicID} // which counts for more than a name beside it
}

// clusterOperations is what the caller may do to the cluster, nothing when it may not know.
func (h *Handler) clusterOperations(req *wire.Request, asked bool) int32 {
	if asked && !h.mayCluster(req, auth.OpDescribe) {
		return 0
	}
	return h.operations(req, asked, auth.ResourceCluster, auth.ClusterName)
}

// brokerAddress is where clients on conn reach broker b.
func (h *Handler) brokerAddress(conn *wire.Conn, b *metadata.Broker) (string, int32) {
	if b.ID == h.NodeID || len(b.Endpoints) == 0 {
		return h.address(conn)
	}
	at := b.Endpoints[0]
	for _, e := range b.Endpoints {
		if e.Listener == conn.Endpoint().Name {
			at = e
		}
	}
	return at.Host, int32(at.Port)
}

// autoCreates tells whether both sides want topics made that are asked for.
func (h *Handler) autoCreates(img *metadata.Image, in *kmsg.MetadataRequest) bool {
	return h.configs(img).Bool(metadata.ConfigAutoCreateTopics) && (in.AllowAutoTopicCreation || in.Version < metadataAutoCreateFlag)
}

// autoCreate makes the missing topics that can be made. What goes wrong shows in the answer as a topic still missing.
func (h *Handler) autoCreate(ctx context.Context, req *wire.Request, img *metadata.Image, asked []kmsg.MetadataRequestTopic) *metadata.Image {
	var missing []controller.NewTopic
	for i := range asked {
		name := asked[i].Topic
		if name == nil || img.Topic(*name) != nil || controller.CheckTopicName(*name) != nil || metadata.IsInternal(*name) {
			continue
		}
		if !h.mayQuietly(req, auth.OpDescribe, auth.ResourceTopic, *name) || !h.mayCreate(req, *name) {
			continue
		}
		missing = append(missing, controller.NewTopic{Name: *name, Partitions: -1, ReplicationFactor: -1})
	}
	if len(missing) == 0 {
		return img
	}
	ctx, cancel := context.WithTimeout(ctx, autoCreateTimeout)
	defer cancel()
	next, err := h.Quorum.Change(ctx, func(now *metadata.Image) ([]metadata.Record, error) {
		_, records := h.Controller.CreateTopics(now, missing)
		return records, nil
	})
	if err != nil {
		h.Logger.Warn("topics could not be created on demand", "topics", len(missing), "err", err)
		return img
	}
	return next
}

// metadataTopic describes one topic asked for. Whether a topic exists that the caller may not describe doesn't show.
func (h *Handler) metadataTopic(req *wire.Request, img *metadata.Image, asked *kmsg.MetadataRequestTopic) kmsg.MetadataResponseTopic {
	in := req.Body.(*kmsg.MetadataRequest)
	if asked.Topic != nil && asked.TopicID == [16]byte{} {
		if !h.may(req, auth.OpDescribe, auth.ResourceTopic, *asked.Topic) {
			out := missingTopic(asked)
			out.TopicID, out.IsInternal, out.ErrorCode = [16]byte{}, false, kerr.TopicAuthorizationFailed.Code
			return out
		}
		if t := img.Topic(*asked.Topic); t != nil {
			return h.describeTopic(req, in, t)
		}
		out := missingTopic(asked)
		out.ErrorCode = kerr.UnknownTopicOrPartition.Code
		switch {
		case controller.CheckTopicName(*asked.Topic) != nil:
			out.ErrorCode = kerr.InvalidTopicException.Code
		case h.autoCreates(img, in) && !h.mayCreate(req, *asked.Topic):
			out.ErrorCode = kerr.TopicAuthorizationFailed.Code
		}
		return out
	}
	out := missingTopic(asked)
	out.ErrorCode = kerr.UnknownTopicID.Code
	if t := img.TopicByID(asked.TopicID); t != nil {
		if h.may(req, auth.OpDescribe, auth.ResourceTopic, t.Name) {
			return h.describeTopic(req, in, t)
		}
		out.ErrorCode = kerr.TopicAuthorizationFailed.Code
	}
	return out
}

func missingTopic(asked *kmsg.MetadataRequestTopic) kmsg.MetadataResponseTopic {
	out := kmsg.NewMetadataResponseTopic()
	out.Topic, out.TopicID, out.AuthorizedOperations = asked.Topic, asked.TopicID, noOperations
	out.IsInternal = asked.Topic != nil && metadata.IsInternal(*asked.Topic)
	return out
}

func (h *Handler) describeTopic(req *wire.Request, in *kmsg.MetadataRequest, t *metadata.Topic) kmsg.MetadataResponseTopic {
	out := kmsg.NewMetadataResponseTopic()
	out.Topic, out.TopicID, out.IsInternal = &t.Name, t.ID, t.Internal()
	out.AuthorizedOperations = h.operations(req, in.IncludeTopicAuthorizedOperations, auth.ResourceTopic, t.Name)
	out.Partitions = make([]kmsg.MetadataResponseTopicPartition, len(t.Partitions))
	for i, p := range t.Partitions {
		partition := kmsg.NewMetadataResponseTopicPartition()
		partition.Partition, partition.Leader, partition.LeaderEpoch = int32(i), p.Leader, p.LeaderEpoch
		partition.Replicas, partition.ISR, partition.OfflineReplicas = p.Replicas, p.ISR, []int32{}
		if p.Leader == metadata.NoLeader {
			partition.ErrorCode = kerr.LeaderNotAvailable.Code
		}
		out.Partitions[i] = partition
	}
	return out
}
