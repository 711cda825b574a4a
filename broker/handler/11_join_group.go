package handler

import (
	"context"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/group"
	"github.com/freshetdb/freshet/broker/wire"
)

// Versions of JoinGroup at which its meaning changes.
const (
	joinKnownMemberID  = 4 // KIP-394: a first join only hands out the member id
	joinNullProtocol   = 7 // protocol may be null in the answer
	joinSkipAssignment = 9 // KIP-814
)

// syncProtocol is the first version of SyncGroup that has to say which protocol it thinks of (KIP-559).
const syncProtocol = 5

// joinGroup takes a client into a group; the answer comes when the group's next generation is complete.
func (h *Handler) joinGroup(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.JoinGroupRequest)
	join := group.JoinRequest{
		Group: in.Group, MemberID: in.MemberID, InstanceID: deref(in.InstanceID),
		ClientID: req.ClientID, ClientHost: clientHost(req.Conn),
		SessionTimeout:       time.Duration(in.SessionTimeoutMillis) * time.Millisecond,
		RebalanceTimeout:     time.Duration(in.RebalanceTimeoutMillis) * time.Millisecond,
		ProtocolType:         in.ProtocolType,
		RequireKnownMemberID: in.Version >= joinKnownMemberID,
		CanSkipAssignment:    in.Version >= joinSkipAssignment,
	}
	if in.Version == 0 {
		join.RebalanceTimeout = join.SessionTimeout
	}
	for _, p := range in.Protocols {
		join.Protocols = append(join.Protocols, group.Protocol{Name: p.Name, Metadata: p.Metadata})
	}
	reply := func(r group.JoinResponse) { req.Reply(joinResponse(in.Version, &r)) }
	if !h.may(req, auth.OpRead, auth.ResourceGroup, in.Group) {
		reply(group.JoinResponse{Code: mayNotGroup, MemberID: in.MemberID, Generation: -1})
		return
	}
	stop := context.AfterFunc(ctx, func() { // the connection is lost or drains: whoever parked the answer gives it in vain
		reply(group.JoinResponse{Code: coordinator.NotCoordinator, MemberID: in.MemberID, Generation: -1})
	})
	h.Groups.Join(join, func(r group.JoinResponse) {
		if stop() {
			reply(r)
		}
	})
}

func joinResponse(version int16, r *group.JoinResponse) *kmsg.JoinGroupResponse {
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.ErrorCode, resp.Generation, resp.LeaderID, resp.MemberID = int16(r.Code), r.Generation, r.Leader, r.MemberID
	resp.ProtocolType, resp.Protocol, resp.SkipAssignment = orNull(r.ProtocolType), orNull(r.Protocol), r.SkipAssignment
	if version < joinNullProtocol {
		resp.Protocol = &r.Protocol
	}
	resp.Members = []kmsg.JoinGroupResponseMember{}
	for _, m := range r.Members {
		out := kmsg.NewJoinGroupResponseMember()
		out.MemberID, out.InstanceID, out.ProtocolMetadata = m.MemberID, orNull(m.InstanceID), m.Metadata
		resp.Members = append(resp.Members, out)
	}
	return resp
}

// clientHost is a member's address as Kafka shows it.
func clientHost(conn *wire.Conn) string {
	host, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	if err != nil {
		host = conn.RemoteAddr().String()
	}
	return "/" + host
}

// syncGroup gives a member its assignment; the answer comes when the leader's is committed.
func (h *Handler) syncGroup(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.SyncGroupRequest)
	sync := group.SyncRequest{
		Group: in.Group, MemberID: in.MemberID, InstanceID: deref(in.InstanceID), Generation: in.Generation,
		ProtocolType: deref(in.ProtocolType), Protocol: deref(in.Protocol),
		Assignments: make(map[string][]byte, len(in.GroupAssignment)),
	}
	for _, a := range in.GroupAssignment {
		sync.Assignments[a.MemberID] = a.MemberAssignment
	}
	reply := func(r group.SyncResponse) {
		resp := kmsg.NewPtrSyncGroupResponse()
		resp.ErrorCode, resp.MemberAssignment = int16(r.Code), r.Assignment
		resp.ProtocolType, resp.Protocol = orNull(r.ProtocolType), orNull(r.Protocol)
		if resp.MemberAssignment == nil {
			resp.MemberAssignment = []byte{}
		}
		req.Reply(resp)
	}
	if !h.may(req, auth.OpRead, auth.ResourceGroup, in.Group) {
		reply(group.SyncResponse{Code: mayNotGroup})
		return
	}
	if in.Version >= syncProtocol && (in.ProtocolType == nil || in.Protocol == nil) {
		reply(group.SyncResponse{Code: coordinator.InconsistentProtocol})
		return
	}
	stop := context.AfterFunc(ctx, func() { reply(group.SyncResponse{Code: coordinator.NotCoordinator}) })
	h.Groups.Sync(sync, func(r group.SyncResponse) {
		if stop() {
			reply(r)
		}
	})
}
