"""A simulated WhatsApp in a process of its own, behind a unix socket.

The engine's side is :class:`~waqtor.transports.simulator.client.SimulatorTransport`; tests and the command line steer
it with :class:`~waqtor.transports.simulator.control.SimulatorControl` and start it with
:class:`~waqtor.transports.simulator.process.SimulatorProcess`. The process itself imports neither of them.
"""
