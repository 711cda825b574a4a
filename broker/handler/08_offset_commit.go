package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/group"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// memberEpochVersion is the first version of OffsetCommit and OffsetFetch whose callers understand member epochs (KIP-848).
const memberEpochVersion = 9

// topicIDVersion is the first version of OffsetCommit and OffsetFetch that names topics by id (KIP-848).
const topicIDVersion = 10

// topicOf finds a topic by name, or by id in the versions that have only that.
func topicOf(img *metadata.Image, byID bool, name string, id [16]byte) *metadata.Topic {
	if byID {
		return img.TopicByID(id)
	}
	return img.Topic(name)
}

// offsetCommit stores positions of a group.
func (h *Handler) offsetCommit(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.OffsetCommitRequest)
	img, byID := h.Quorum.Image(), in.Version >= topicIDVersion
	resp := kmsg.NewPtrOffsetCommitResponse()
	var accepted []group.TopicOffset
	var slots []*int16 // where the code of each accepted position goes
	resp.Topics = make([]kmsg.OffsetCommitResponseTopic, len(in.Topics))
	mayCommit := h.may(req, auth.OpRead, auth.ResourceGroup, in.Group)
	for i := range in.Topics {
		from, out := &in.Topics[i], &resp.Topics[i]
		out.Topic, out.TopicID = from.Topic, from.TopicID
		out.Partitions = make([]kmsg.OffsetCommitResponseTopicPartition, len(from.Partitions))
		t := topicOf(img, byID, from.Topic, from.TopicID)
		for j := range from.Partitions {
			p := &from.Partitions[j]
			out.Partitions[j].Partition = p.Partition
			code := &out.Partitions[j].ErrorCode
			if *code = h.mayCommitTo(req, mayCommit, t, from.Topic); *code != 0 {
				continue
			}
			if t == nil && byID {
				*code = kerr.UnknownTopicID.Code
				continue
			}
			if *code = int16(hasPartition(t, p.Partition)); *code != 0 {
				continue
			}
			slots = append(slots, code)
			accepted = append(accepted, group.TopicOffset{Topic: t.Name, Partition: p.Partition, Offset: group.Offset{
				Offset: p.Offset, LeaderEpoch: p.LeaderEpoch, Metadata: deref(p.Metadata),
			}})
		}
	}
	if len(accepted) == 0 {
		req.Reply(resp)
		return
	}
	who := group.Committer{
		Group: in.Group, MemberID: in.MemberID, InstanceID: deref(in.InstanceID), Generation: in.Generation,
		KnowsEpochs: in.Version >= memberEpochVersion,
	}
	h.Groups.Commit(who, accepted, func(answers []group.TopicOffset) {
		for i, a := range answers {
			*slots[i] = commitCode(a.Code)
		}
		req.Reply(resp)
	})
}

// mayCommitTo gives the code of a caller who may not commit positions in a topic; an unknown one has just a name, if any.
func (h *Handler) mayCommitTo(req *wire.Request, mayCommit bool, t *metadata.Topic, name string) int16 {
	if !mayCommit {
		return kerr.GroupAuthorizationFailed.Code
	}
	if t != nil {
		name = t.Name
	}
	if name != "" && !h.may(req, auth.OpRead, auth.ResourceTopic, name) {
		return kerr.TopicAuthorizationFailed.Code
	}
	return 0
}

// commitCode gives a code as clients expect it of a commit: they retry on some and not on others.
func commitCode(code coordinator.Code) int16 {
	switch code {
	case coordinator.RequestTimedOut:
		return int16(coordinator.NotAvailable)
	case coordinator.RecordTooLarge:
		return kerr.InvalidCommitOffsetSize.Code
	}
	return int16(code)
}
