package handler

import (
	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/wire"
)

// Answers to those who may not, as coordinators have them.
const (
	mayNotTopic   coordinator.Code = 29 // TOPIC_AUTHORIZATION_FAILED
	mayNotGroup   coordinator.Code = 30 // GROUP_AUTHORIZATION_FAILED
	mayNotCluster coordinator.Code = 31 // CLUSTER_AUTHORIZATION_FAILED
	mayNotTxn     coordinator.Code = 53 // TRANSACTIONAL_ID_AUTHORIZATION_FAILED
)

// may tells whether the caller of req may do op to a resource. Every handler asks before it answers anything about the resource.
// The log has each refusal at INFO and each right at DEBUG, as that of Kafka's authorizer (kafka.authorizer.logger).
func (h *Handler) may(req *wire.Request, op auth.Operation, resource auth.ResourceType, name string) bool {
	caller := req.Conn.Caller()
	allowed := h.Authorizer.May(caller, op, resource, name)
	h.Authorizer.Record(caller, op, resource, name, req.Key, allowed)
	return allowed
}

// mayQuietly is may where a refusal is none: another right may do as well, or the resource is left out of a list nobody chose. Which
// these are was asked of Kafka.
func (h *Handler) mayQuietly(req *wire.Request, op auth.Operation, resource auth.ResourceType, name string) bool {
	caller := req.Conn.Caller()
	allowed := h.Authorizer.May(caller, op, resource, name)
	if allowed {
		h.Authorizer.Record(caller, op, resource, name, req.Key, true)
	}
	return allowed
}

// mayCluster is may for the one resource of the cluster.
func (h *Handler) mayCluster(req *wire.Request, op auth.Operation) bool {
	return h.may(req, op, auth.ResourceCluster, auth.ClusterName)
}

// operations is the bit field of what the caller may do to a resource, noOperations when it wasn't asked for.
func (h *Handler) operations(req *wire.Request, asked bool, resource auth.ResourceType, name string) int32 {
	if !asked {
		return noOperations
	}
	return h.Authorizer.Authorized(req.Conn.Caller(), resource, name)
}
